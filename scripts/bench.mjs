/** `npm run bench -- tpch|scan|cluster|latency|exchange|kernels|arena …`: sets up what is missing, then runs the benchmark. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setup } from './setup.mjs'

try {
  await setup()
  const { main } = await import(pathToFileURL(join(root, 'dist/bench/index.js')).href)
  process.exitCode = await main(root, process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
