/** A large table for little work: one generated Parquet file under many names. */
import { linkSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateTpch } from '../../tpch/generate.js'

export interface LinkedTable {
  readonly directory: string
  /** In the order in which a scan lists them. */
  readonly files: readonly string[]
  readonly rows: number
  /** Of all files together. */
  readonly bytes: number
  remove(): void
}

/** TPC-H lineitem of scale 0.01 (60 175 rows, about 2 MB), `count` times. */
export async function linkedLineitem(count: number): Promise<LinkedTable> {
  const root = mkdtempSync(join(tmpdir(), 'ballista-linked-'))
  const [made] = await generateTpch({ scale: 0.01, out: root, format: 'parquet', tables: ['lineitem'], threads: 1 })
  const directory = join(root, 'table')
  mkdirSync(directory)
  const files = Array.from({ length: count }, (_, i) => join(directory, `${String(i).padStart(4, '0')}.parquet`))
  for (const file of files) linkSync(made.path, file)
  return {
    directory,
    files,
    rows: made.rows * count,
    bytes: statSync(made.path).size * count,
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
