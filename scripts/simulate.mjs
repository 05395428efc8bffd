/** `npm run simulate -- [--from n] [--count n] [--workers n] [--trace]`, or `SEED=n npm run simulate`: runs seeds of the cluster's simulator. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setup } from './setup.mjs'

try {
  await setup()
  const { main } = await import(pathToFileURL(join(root, 'dist/test/cluster/simulator/main.js')).href)
  process.exitCode = await main(process.argv.slice(2), process.env)
} catch (error) {
  process.stderr.write(`${error.stack}\n`)
  process.exitCode = 1
}
