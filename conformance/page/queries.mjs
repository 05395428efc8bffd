/** A session on the cluster with the tables of TPC-H, made when they are not there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SessionContext } from '../../dist/src/index.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const OWN_DATA = fileURLToPath(new URL('../.data/', import.meta.url))
/** Some seconds of work for the larger queries. */
const SCALE = '0.2'

export async function openSession(address) {
  const data = process.env.BALLISTA_TPCH ?? (await generated())
  const ctx = await SessionContext.remote(`df://${address}`)
  for (const file of readdirSync(data)) await ctx.registerParquet(parse(file).name, join(data, file))
  return ctx
}

export const tpchQuery = number =>
  readFileSync(join(ROOT, `tpch/queries/q${String(number).padStart(2, '0')}.sql`), 'utf8').replace(/;\s*$/, '')

async function generated() {
  if (existsSync(join(OWN_DATA, 'supplier.parquet'))) return OWN_DATA
  const args = [join(ROOT, 'dist/bin/ballista.js'), 'tpch', 'generate', '--scale', SCALE, '--out', OWN_DATA]
  const [status] = await once(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit')
  if (status !== 0) throw new Error(`no data: ballista tpch generate ended with status ${status}`)
  return OWN_DATA
}
