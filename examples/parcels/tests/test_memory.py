from parcels.memory import Memory


def test_what_was_put_is_there():
    memory = Memory(60, lambda: 0)
    memory.put("A1", "Kiel")

    assert memory.get("A1") == "Kiel"
    assert memory.get("B2") is None


def test_what_is_too_old_is_forgotten():
    now = 0
    memory = Memory(60, lambda: now)
    memory.put("A1", "Kiel")

    now = 59
    assert memory.get("A1") == "Kiel"
    now = 60
    assert memory.get("A1") is None
    assert len(memory) == 0
