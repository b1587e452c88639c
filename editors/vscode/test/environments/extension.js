// The part of Python Environments' API that is used (npm's @vscode/python-environments has all of it).
const vscode = require('vscode')

exports.activate = (context) => {
  const changed = new vscode.EventEmitter()
  let executable = '/nowhere/python'
  const select = () => {
    executable = process.env.DARNER_TEST_PYTHON
    changed.fire(undefined)
  }
  context.subscriptions.push(changed, vscode.commands.registerCommand('environments.select', select))
  return {
    getEnvironment: (scope) => Promise.resolve(scope && { execInfo: { run: { executable } } }),
    onDidChangeEnvironment: changed.event,
  }
}
