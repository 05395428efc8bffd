/** `npm start`: sets up what is missing, then runs the demo (or the SQL given as arguments) on a cluster of two executors. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setup } from './setup.mjs'

try {
  await setup()
  const { demo } = await import(pathToFileURL(join(root, 'dist/src/cli/demo.js')).href)
  process.exitCode = await demo({ root, sql: process.argv.slice(2) })
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
