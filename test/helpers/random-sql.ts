/** Random typed SQL over the tables of `randomTables`, within what this engine and DuckDB mean alike. */
import type { Rng } from '../../src/common/clock.js'

type Kind = 'int' | 'decimal' | 'double' | 'text' | 'date'

interface Column {
  readonly sql: string
  readonly kind: Kind
}

interface Relation {
  readonly sql: string
  readonly columns: readonly Column[]
}

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

export interface RandomQuery {
  readonly sql: string
  /** Rows come in an order that the query determines. */
  readonly ordered: boolean
}

/** Makes queries; every choice comes from the seed. */
export class RandomSql {
  readonly #rng: Rng
  #names = 0

  constructor(rng: Rng) {
    this.#rng = rng
  }

  query(): RandomQuery {
    if (this.#below(8) === 0) return this.#setOperation()
    const { sql, columns } = this.#select(2)
    if (this.#below(6) === 0) return { sql: `WITH q AS (${sql}) ${this.#overNamed('q', columns)}`, ordered: false }
    return this.#ordered(sql, columns)
  }

  #below = (limit: number): number => Math.floor(this.#rng.next() * limit)
  #chance = (share: number): boolean => this.#rng.next() < share
  #pick = <T>(list: readonly T[]): T => list[this.#below(list.length)]
  #name = (prefix: string): string => `${prefix}${++this.#names}`

  /** With ORDER BY over all columns, so that the order of the rows, or the rows under a LIMIT, are determined. */
  #ordered(sql: string, columns: readonly Column[]): RandomQuery {
    const exact = columns.every(({ kind }) => kind !== 'double')
    if (!exact || this.#chance(0.4)) return { sql, ordered: false }
    const keys = columns.map((_, i) => `${i + 1}${this.#pick(['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'])}`)
    const limit = this.#chance(0.5)
      ? ` LIMIT ${this.#below(12)}${this.#chance(0.3) ? ` OFFSET ${this.#below(5)}` : ''}`
      : ''
    return { sql: `${sql} ORDER BY ${keys.join(', ')}${limit}`, ordered: true }
  }

  #setOperation(): RandomQuery {
    const kinds = Array.from({ length: 1 + this.#below(3) }, () =>
      this.#pick(['int', 'decimal', 'text', 'date'] as const),
    )
    const side = (): string => {
      const from = this.#from(1)
      const items = kinds.map(kind =>
        kind === 'decimal' ? `CAST(${this.#value(kind, from, 1)} AS DECIMAL(24,6))` : this.#value(kind, from, 1),
      )
      return `SELECT ${items.join(', ')} FROM ${from.sql}${this.#where(from, 1)}`
    }
    const op = this.#pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT'])
    const columns = kinds.map((kind): Column => ({ sql: '', kind }))
    return this.#ordered(`(${side()}) ${op} (${side()})`, columns)
  }

  /** Selects over the result of another query that is called `name`. */
  #overNamed(name: string, columns: readonly Column[]): string {
    const [a, b] = [this.#name('a'), this.#name('b')]
    const column = this.#pick(columns).sql
    return this.#pick([
      `SELECT count(*), count(${column}), min(${column}), max(${column}) FROM ${name}`,
      `SELECT ${a}.${column}, count(*) FROM ${name} ${a} JOIN ${name} ${b} ON ${a}.${column} = ${b}.${column} GROUP BY ${a}.${column}`,
      `SELECT DISTINCT ${column} FROM ${name}`,
    ])
  }

  #select(depth: number): Relation {
    const from = this.#from(depth)
    const where = this.#where(from, depth)
    switch (this.#below(5)) {
      case 0:
      case 1:
        return this.#grouped(from, where)
      case 2:
        return this.#totals(from, where)
      default: {
        const items = this.#items(from, 1 + this.#below(4))
        if (depth > 0 && this.#chance(0.15))
          items.push({ kind: 'int', sql: `CASE WHEN ${this.#subquery(from, depth - 1)} THEN 1 ELSE 0 END` })
        const distinct = this.#chance(0.2) && items.every(({ kind }) => kind !== 'double') ? 'DISTINCT ' : ''
        return this.#named(items, text => `SELECT ${distinct}${text} FROM ${from.sql}${where}`)
      }
    }
  }

  #items(from: Relation, count: number): Column[] {
    return Array.from({ length: count }, () => {
      const kind = this.#pick(['int', 'int', 'decimal', 'double', 'text', 'date'] as const)
      return { kind, sql: this.#value(kind, from, 2) }
    })
  }

  /** The items with fresh names, in the query that `build` makes of them. */
  #named(items: readonly Column[], build: (list: string) => string): Relation {
    const columns = items.map(({ kind }): Column => ({ kind, sql: this.#name('c') }))
    return { sql: build(items.map(({ sql }, i) => `${sql} AS ${columns[i].sql}`).join(', ')), columns }
  }

  #grouped(from: Relation, where: string): Relation {
    const keys = this.#items(from, 1 + this.#below(2)).filter(({ kind }) => kind !== 'double')
    if (keys.length === 0) return this.#totals(from, where)
    const aggregates = Array.from({ length: 1 + this.#below(3) }, () => this.#aggregate(from))
    const having = this.#chance(0.3)
      ? ` HAVING ${this.#pick(['count(*) > 1', 'count(*) % 2 = 0', `${this.#intAggregate(from)} > 5`])}`
      : ''
    const ordinals = keys.map((_, i) => i + 1).join(', ')
    return this.#named(
      [...keys, ...aggregates],
      text => `SELECT ${text} FROM ${from.sql}${where} GROUP BY ${ordinals}${having}`,
    )
  }

  #totals(from: Relation, where: string): Relation {
    const aggregates = Array.from({ length: 1 + this.#below(3) }, () => this.#aggregate(from))
    return this.#named(aggregates, text => `SELECT ${text} FROM ${from.sql}${where}`)
  }

  #intAggregate(from: Relation): string {
    const any = this.#value(this.#pick(['int', 'text', 'date']), from, 1)
    return this.#pick(['count(*)', `count(${any})`, `count(DISTINCT ${any})`, `sum(${this.#value('int', from, 1)})`])
  }

  #aggregate(from: Relation): Column {
    const filter = this.#chance(0.2) ? ` FILTER (WHERE ${this.#predicate(from, 1)})` : ''
    const kind = this.#pick(['int', 'int', 'decimal', 'text', 'date', 'double'] as const)
    if (this.#chance(0.4)) return { kind: 'int', sql: this.#intAggregate(from) + filter }
    if (kind === 'double' || this.#chance(0.2)) {
      const input = this.#value(this.#pick(['int', 'decimal', 'double']), from, 1)
      return { kind: 'double', sql: `avg(${input})${filter}` }
    }
    const sum = kind === 'decimal' ? [`sum(${this.#value('decimal', from, 1)})`] : []
    const value = this.#value(kind, from, 1)
    return { kind, sql: this.#pick([`min(${value})`, `max(${value})`, ...sum]) + filter }
  }

  #from(depth: number): Relation {
    let joined = this.#relation(depth)
    for (let joins = this.#pick([0, 0, 1, 1, 2]); joins > 0; joins--)
      joined = this.#join(joined, this.#relation(depth - 1))
    return joined
  }

  #relation(depth: number): Relation {
    const alias = this.#name('r')
    const qualified = (columns: readonly Column[]): Column[] =>
      columns.map(({ sql, kind }) => ({ kind, sql: `${alias}.${sql}` }))
    if (depth > 0 && this.#chance(0.2)) {
      const { sql, columns } = this.#select(depth - 1)
      return { sql: `(${sql}) ${alias}`, columns: qualified(columns) }
    }
    const { name, columns } = this.#pick(RANDOM_TABLES)
    return { sql: `${name} ${alias}`, columns: qualified(columns.map(({ name: sql, kind }) => ({ sql, kind }))) }
  }

  #join(left: Relation, right: Relation): Relation {
    const both = [...left.columns, ...right.columns]
    const pairs = left.columns.flatMap(a =>
      right.columns.filter(b => a.kind === b.kind && a.kind !== 'double').map(b => `${a.sql} = ${b.sql}`),
    )
    if (pairs.length === 0)
      return {
        sql: `${left.sql} CROSS JOIN (SELECT * FROM ${right.sql} LIMIT 0) ${this.#name('x')}`,
        columns: left.columns,
      }
    const keys = [this.#pick(pairs), ...(this.#chance(0.3) ? [this.#pick(pairs)] : [])]
    const residual = this.#chance(0.3) ? [this.#predicate({ sql: '', columns: both }, 1)] : []
    const kind = this.#pick([
      'JOIN',
      'JOIN',
      'JOIN',
      'LEFT JOIN',
      'LEFT JOIN',
      'RIGHT JOIN',
      'FULL JOIN',
      'LEFT SEMI JOIN',
      'LEFT ANTI JOIN',
    ])
    const sql = `${left.sql} ${kind} ${right.sql} ON ${[...keys, ...residual].join(' AND ')}`
    return { sql, columns: / (SEMI|ANTI) /.test(kind) ? left.columns : both }
  }

  #where(from: Relation, depth: number): string {
    const terms = this.#chance(0.5) ? [this.#predicate(from, 2)] : []
    if (depth > 0 && this.#chance(0.25)) {
      const subquery = this.#subquery(from, depth - 1)
      terms.push(this.#chance(0.3) ? `(${this.#predicate(from, 1)} OR ${subquery})` : subquery)
    }
    return terms.length === 0 ? '' : ` WHERE ${terms.join(' AND ')}`
  }

  #subquery(outer: Relation, depth: number): string {
    const inner = this.#relation(depth)
    const kind = this.#pick(['int', 'text', 'date'] as const)
    const [x, mine] = [this.#value(kind, inner, 0), this.#value(kind, outer, 0)]
    const pairs = inner.columns.flatMap(a =>
      outer.columns.filter(b => a.kind === b.kind && a.kind !== 'double').map(b => `${a.sql} = ${b.sql}`),
    )
    const terms = [
      ...(pairs.length > 0 && this.#chance(0.7) ? [this.#pick(pairs)] : []),
      ...(this.#chance(0.4) ? [this.#predicate(inner, 1)] : []),
    ]
    const where = terms.length === 0 ? '' : ` WHERE ${terms.join(' AND ')}`
    return this.#pick([
      `${this.#pick(['', 'NOT '])}EXISTS (SELECT 1 FROM ${inner.sql}${where})`,
      `${mine} ${this.#pick(['', 'NOT '])}IN (SELECT ${x} FROM ${inner.sql}${where})`,
      `${mine} >= (SELECT ${this.#pick(['min', 'max'])}(${x}) FROM ${inner.sql}${where})`,
      `(SELECT count(${x}) FROM ${inner.sql}${where}) ${this.#pick(['<', '=', '>='])} ${this.#below(4)}`,
    ])
  }

  /** An expression of the kind: a column if there is one, a literal, or a function of others. */
  #value(kind: Kind, from: Relation, depth: number): string {
    const columns = from.columns.filter(candidate => candidate.kind === kind)
    if (depth === 0 || this.#chance(0.5)) {
      return columns.length > 0 && this.#chance(0.95) ? this.#pick(columns).sql : this.#literal(kind)
    }
    const one = (of: Kind = kind): string => this.#value(of, from, depth - 1)
    const choice = this.#below(8)
    if (choice === 0) return `CASE WHEN ${this.#predicate(from, depth - 1)} THEN ${one()} ELSE ${one()} END`
    if (choice === 1) return `coalesce(${one()}, ${one()})`
    if (choice === 2) return `CASE WHEN ${this.#predicate(from, depth - 1)} THEN ${one()} END`
    switch (kind) {
      case 'int':
        return this.#pick([
          `(${one()} + ${one()})`,
          `(${one()} - ${one()})`,
          `(${one()} * ${this.#below(5)})`,
          `(${one()} % ${2 + this.#below(5)})`,
          `(${one()} / ${2 + this.#below(5)})`,
          `abs(${one()})`,
          `length(${one('text')})`,
          `CAST(EXTRACT(${this.#pick(['YEAR', 'MONTH', 'DAY'])} FROM ${one('date')}) AS BIGINT)`,
          `CAST(CAST(${one('decimal')} AS DECIMAL(24,6)) AS BIGINT)`,
          `(${one('date')} - ${one('date')})`,
        ])
      case 'decimal':
        return this.#pick([
          `(${one()} + ${one()})`,
          `(${one()} - ${one()})`,
          `(${one()} * ${this.#below(50) / 10 + 1})`,
          `CAST(CAST(${one('int')} AS BIGINT) % 1000 AS DECIMAL(10,2))`,
          `CAST(${one()} AS DECIMAL(18,1))`,
          `-${this.#value(kind, { ...from, columns }, 0)}`,
        ])
      case 'double':
        return this.#pick([
          `(${one()} * 2.5)`,
          `(${one()} + ${one('int')})`,
          `CAST(${one('decimal')} AS DOUBLE)`,
          `sqrt(abs(${one()}))`,
        ])
      case 'text':
        return this.#pick([
          `(${one()} || ${one()})`,
          `upper(${one()})`,
          `lower(${one()})`,
          `substring(${one()} FROM ${1 + this.#below(3)} FOR ${this.#below(3)})`,
          `replace(${one()}, 'a', 'zz')`,
          `CAST(${one('int')} AS VARCHAR)`,
          `trim(${one()})`,
        ])
      case 'date':
        return this.#pick([
          `CAST(${one()} + INTERVAL '${this.#below(40)}' DAY AS DATE)`,
          `CAST(${one()} - INTERVAL '${this.#below(5)}' MONTH AS DATE)`,
          `CAST(date_trunc('${this.#pick(['month', 'year'])}', ${one()}) AS DATE)`,
        ])
    }
  }

  #literal(kind: Kind): string {
    switch (kind) {
      case 'int':
        return String(this.#below(20))
      case 'decimal':
        return `${this.#below(100)}.${this.#below(90) + 10}`
      case 'double':
        return `${this.#below(100)}e-1`
      case 'text':
        return `'${this.#pick(['a', 'ab', 'Beta', '', 'x_y', 'é'])}'`
      case 'date':
        return `DATE '1995-0${1 + this.#below(9)}-1${this.#below(10)}'`
    }
  }

  #predicate(from: Relation, depth: number): string {
    const one = (): string => this.#predicate(from, depth - 1)
    const kind = this.#pick(['int', 'int', 'decimal', 'text', 'date'] as const)
    const value = (): string => this.#value(kind, from, Math.min(depth, 1))
    switch (this.#below(depth > 0 ? 10 : 7)) {
      case 0:
      case 1:
        return `${value()} ${this.#pick(['=', '<>', '<', '<=', '>', '>='])} ${this.#chance(0.6) ? this.#literal(kind) : value()}`
      case 2:
        return `${value()} ${this.#pick(['', 'NOT '])}IN (${this.#literal(kind)}, ${this.#literal(kind)}${this.#chance(0.2) ? ', NULL' : ''})`
      case 3:
        return `${value()} ${this.#pick(['', 'NOT '])}BETWEEN ${this.#literal(kind)} AND ${this.#literal(kind)}`
      case 4:
        return `${this.#value('text', from, 0)} ${this.#pick(['', 'NOT '])}LIKE '${this.#pick(['a%', '%b%', '_b%', '%', '', '%a', 'w_', '日%'])}'`
      case 5:
        return `${value()} IS ${this.#pick(['', 'NOT '])}NULL`
      case 6:
        return `${value()} IS ${this.#pick(['', 'NOT '])}DISTINCT FROM ${value()}`
      case 7:
        return `NOT (${one()})`
      case 8:
        return `(${one()} OR ${one()})`
      default:
        return `(${one()} AND ${one()})`
    }
  }
}
