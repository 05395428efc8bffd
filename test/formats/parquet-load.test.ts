/** What a Parquet scan loads, in processes of their own. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import test from 'ava'
import { openDuck, type Duck } from './duckdb.js'

let duck: Duck
test.before(async () => {
  duck = await openDuck()
})
test.after.always(() => duck.close())

/** Runs a query over the file in a new process and says whether parquet-wasm, a CommonJS module, was loaded there. */
function loadsWasm(file: string): boolean {
  const program = `
    import { createRequire } from 'node:module'
    import { SessionContext } from ${JSON.stringify(new URL('../../src/index.js', import.meta.url).href)}
    const ctx = new SessionContext()
    await (await ctx.sql("SELECT * FROM '${file}'")).collect()
    await ctx.close()
    const loaded = Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache)
    console.log(loaded.some(path => path.includes('parquet-wasm')))`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  return output.trim() === 'true'
}

const FLAT = "i, 'x' || i as s, i::decimal(9,2) as d"

for (const [title, column, codec, isLoaded] of [
  ['flat columns need no parquet-wasm', FLAT, 'zstd', false],
  ['with LZ4 neither', FLAT, 'lz4_raw', false],
  ['with brotli neither', FLAT, 'brotli', false],
  ['a nested column needs it', '[i] as list', 'zstd', true],
] as const) {
  test.serial(title, async t => {
    const file = join(duck.directory, `load-${codec}-${isLoaded}.parquet`)
    await duck.run(`copy (select ${column} from range(100) r(i)) to '${file}' (compression ${codec})`)
    t.is(loadsWasm(file), isLoaded)
  })
}
