/** Sets up what is missing, then runs the ballista command line with the given arguments. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setup } from './setup.mjs'

try {
  await setup()
  await import(pathToFileURL(join(root, 'dist/bin/ballista.js')).href)
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
