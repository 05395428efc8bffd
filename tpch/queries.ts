/** The 22 queries, read from tpch/queries. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail } from '../src/common/errors.js'
import { splitStatements } from '../src/parser/parse.js'

export const QUERY_COUNT = 22

export interface TpchQuery {
  /** `q01` to `q22`. */
  readonly name: string
  /** In order; one of them is the query itself. */
  readonly statements: readonly string[]
}

/** Query 1 to 22. Throws INVALID_ARGUMENT for another number. */
export function readQuery(number: number): TpchQuery {
  if (!Number.isInteger(number) || number < 1 || number > QUERY_COUNT) {
    throw fail('INVALID_ARGUMENT', [`there are queries 1 to ${QUERY_COUNT}, got ${number}`])
  }
  const name = `q${String(number).padStart(2, '0')}`
  const text = readFileSync(join(queryDirectory(), `${name}.sql`), 'utf8')
  return { name, statements: splitStatements(text).map(statement => statement.text) }
}

/** The compiled files lie at different depths under the package, the queries always beside its package.json. */
function queryDirectory(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const candidate = join(directory, 'tpch', 'queries')
    if (existsSync(candidate)) return candidate
    if (directory === dirname(directory)) throw fail('INTERNAL', ['the folder tpch/queries is missing'])
  }
}
