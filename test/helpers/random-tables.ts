/** The tables that random queries read: few distinct values, so that keys meet, repeat and lack. */
import type { Kind } from './random-exprs.js'

export interface RandomTable {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: string; readonly kind: Kind }[]
  /** DuckDB's SELECT that makes the rows; depends on DuckDB's setseed. */
  readonly rows: string
}

const column = (name: string, kind: Kind, type: string): RandomTable['columns'][number] => ({ name, kind, type })
const nullable = (expr: string, share: number): string => `CASE WHEN random() < ${share} THEN NULL ELSE ${expr} END`
const WORDS = `['a', 'b', 'ab', 'abc', 'Beta', 'x_y', '50%', 'é', '日本', '']`
const word = `${WORDS}[1 + (random() * 9.99)::INT % 10]`

/** Three tables with few distinct values, so that keys meet, repeat and lack. */
export const RANDOM_TABLES: readonly RandomTable[] = [
  {
    name: 't',
    columns: [
      column('id', 'int', 'BIGINT'),
      column('k', 'int', 'INT'),
      column('v', 'int', 'BIGINT'),
      column('d', 'decimal', 'DECIMAL(12,2)'),
      column('f', 'double', 'DOUBLE'),
      column('s', 'text', 'VARCHAR'),
      column('day', 'date', 'DATE'),
    ],
    rows: `SELECT i::BIGINT AS id, (${nullable('(random() * 20)::INT', 0.1)})::INT AS k, (${nullable('(random() * 2000 - 1000)::BIGINT', 0.2)})::BIGINT AS v,
      (${nullable('random() * 2000 - 1000', 0.1)})::DECIMAL(12,2) AS d, (${nullable('round(random() * 100, 3)', 0.1)})::DOUBLE AS f,
      ${nullable(word, 0.1)} AS s, ${nullable("DATE '1995-01-01' + (random() * 400)::INT", 0.1)} AS day FROM range(300) r(i)`,
  },
  {
    name: 'u',
    columns: [
      column('k', 'int', 'INT'),
      column('w', 'int', 'BIGINT'),
      column('e', 'decimal', 'DECIMAL(8,4)'),
      column('s', 'text', 'VARCHAR'),
      column('day', 'date', 'DATE'),
    ],
    rows: `SELECT (${nullable('(random() * 25)::INT', 0.1)})::INT AS k, (random() * 50)::BIGINT AS w, (${nullable('random() * 100', 0.1)})::DECIMAL(8,4) AS e,
      ${nullable(word, 0.2)} AS s, DATE '1995-01-01' + (random() * 400)::INT AS day FROM range(60) r(i)`,
  },
  {
    name: 'v',
    columns: [column('id', 'int', 'BIGINT'), column('n', 'int', 'SMALLINT'), column('s', 'text', 'VARCHAR')],
    rows: `SELECT (random() * 400)::BIGINT AS id, (${nullable('(random() * 10)::INT', 0.3)})::SMALLINT AS n, 'w' || (i % 7) AS s FROM range(25) r(i)`,
  },
]
