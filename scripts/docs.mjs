/** Writes the generated parts of the documents anew: what the drift tests compare with. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root, setup } from './setup.mjs'

await setup()
const child = spawn(process.execPath, [join(root, 'node_modules/ava/entrypoints/cli.mjs'), 'dist/test/docs.test.js'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, UPDATE: '1' },
})
const [status] = await once(child, 'exit')
process.exitCode = status ?? 1
