/** The one part that is large. It is a file of its own, which is read when a server starts and not at activation. */
export { LanguageClient } from 'vscode-languageclient/node'
