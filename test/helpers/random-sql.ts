/** Random typed SQL over the tables of `randomTables`, within what this engine and DuckDB mean alike. */
import { RandomExprs, type Column, type Relation } from './random-exprs.js'
import { RANDOM_TABLES } from './random-tables.js'

export interface RandomQuery {
  readonly sql: string
  /** Rows come in an order that the query determines. */
  readonly ordered: boolean
}

/** Makes queries; every choice comes from the seed. */
export class RandomSql extends RandomExprs {
  #names = 0

  query(): RandomQuery {
    if (this.below(8) === 0) return this.#setOperation()
    if (this.below(16) === 0) return this.#distinctOn()
    const { sql, columns } = this.#select(2)
    if (this.below(6) === 0) return { sql: `WITH q AS (${sql}) ${this.#overNamed('q', columns)}`, ordered: false }
    return this.#ordered(sql, columns)
  }

  #name = (prefix: string): string => `${prefix}${++this.#names}`

  /** With ORDER BY over all columns, so that the order of the rows, or the rows under a LIMIT, are determined. */
  #ordered(sql: string, columns: readonly Column[]): RandomQuery {
    const exact = columns.every(({ kind }) => kind !== 'double')
    if (!exact || this.chance(0.4)) return { sql, ordered: false }
    const keys = columns.map((_, i) => `${i + 1}${this.pick(['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'])}`)
    const limit = this.chance(0.5)
      ? ` LIMIT ${this.below(12)}${this.chance(0.3) ? ` OFFSET ${this.below(5)}` : ''}`
      : ''
    return { sql: `${sql} ORDER BY ${keys.join(', ')}${limit}`, ordered: true }
  }

  #setOperation(): RandomQuery {
    const kinds = Array.from({ length: 1 + this.below(3) }, () =>
      this.pick(['int', 'decimal', 'text', 'date'] as const),
    )
    const side = (): string => {
      const from = this.#from(1)
      const items = kinds.map(kind =>
        kind === 'decimal' ? `CAST(${this.value(kind, from, 1)} AS DECIMAL(24,6))` : this.value(kind, from, 1),
      )
      return `SELECT ${items.join(', ')} FROM ${from.sql}${this.#where(from, 1)}`
    }
    const op = this.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'INTERSECT ALL', 'EXCEPT ALL'])
    const columns = kinds.map((kind): Column => ({ sql: '', kind }))
    return this.#ordered(`(${side()}) ${op} (${side()})`, columns)
  }

  /** The first row of each key in the order of all columns. */
  #distinctOn(): RandomQuery {
    const from = this.#from(1)
    const columns = from.columns.filter(({ kind }) => kind !== 'double')
    if (columns.length === 0) return this.query()
    const [first, ...rest] = [this.pick(columns), this.pick(columns), this.pick(columns)].map(({ sql }) => sql)
    const keys = [first, ...rest].map((key, i) => (i === 0 ? key : `${key}${this.pick(['', ' DESC'])}`))
    const where = this.#where(from, 1)
    return {
      sql: `SELECT DISTINCT ON (${first}) ${first}, ${rest.join(', ')} FROM ${from.sql}${where} ORDER BY ${keys.join(', ')}`,
      ordered: true,
    }
  }

  /** Selects over the result of another query that is called `name`. */
  #overNamed(name: string, columns: readonly Column[]): string {
    const [a, b] = [this.#name('a'), this.#name('b')]
    const { sql: column, kind } = this.pick(columns)
    // Doubles that differ in their last bits are equal as answers, but not as keys of a join.
    if (kind === 'double') return `SELECT count(*), count(${column}), min(${column}), max(${column}) FROM ${name}`
    return this.pick([
      `SELECT count(*), count(${column}), min(${column}), max(${column}) FROM ${name}`,
      `SELECT ${a}.${column}, count(*) FROM ${name} ${a} JOIN ${name} ${b} ON ${a}.${column} = ${b}.${column} GROUP BY ${a}.${column}`,
      `SELECT DISTINCT ${column} FROM ${name}`,
    ])
  }

  #select(depth: number): Relation {
    const from = this.#from(depth)
    const where = this.#where(from, depth)
    switch (this.below(5)) {
      case 0:
      case 1:
        return this.#grouped(from, where)
      case 2:
        return this.#totals(from, where)
      default: {
        const items = this.#items(from, 1 + this.below(4))
        if (depth > 0 && this.chance(0.15))
          items.push({ kind: 'int', sql: `CASE WHEN ${this.#subquery(from, depth - 1)} THEN 1 ELSE 0 END` })
        const distinct = this.chance(0.2) && items.every(({ kind }) => kind !== 'double') ? 'DISTINCT ' : ''
        return this.#named(items, text => `SELECT ${distinct}${text} FROM ${from.sql}${where}`)
      }
    }
  }

  #items(from: Relation, count: number): Column[] {
    return Array.from({ length: count }, () => {
      const kind = this.pick(['int', 'int', 'decimal', 'double', 'text', 'date'] as const)
      return { kind, sql: this.value(kind, from, 2) }
    })
  }

  /** The items with fresh names, in the query that `build` makes of them. */
  #named(items: readonly Column[], build: (list: string) => string): Relation {
    const columns = items.map(({ kind }): Column => ({ kind, sql: this.#name('c') }))
    return { sql: build(items.map(({ sql }, i) => `${sql} AS ${columns[i].sql}`).join(', ')), columns }
  }

  #grouped(from: Relation, where: string): Relation {
    const keys = this.#items(from, 1 + this.below(2)).filter(({ kind }) => kind !== 'double')
    if (keys.length === 0) return this.#totals(from, where)
    const aggregates = Array.from({ length: 1 + this.below(3) }, () => this.#aggregate(from))
    const having = this.chance(0.3)
      ? ` HAVING ${this.pick(['count(*) > 1', 'count(*) % 2 = 0', `${this.#intAggregate(from)} > 5`])}`
      : ''
    const ordinals = keys.map((_, i) => i + 1).join(', ')
    return this.#named(
      [...keys, ...aggregates],
      text => `SELECT ${text} FROM ${from.sql}${where} GROUP BY ${ordinals}${having}`,
    )
  }

  #totals(from: Relation, where: string): Relation {
    const aggregates = Array.from({ length: 1 + this.below(3) }, () => this.#aggregate(from))
    return this.#named(aggregates, text => `SELECT ${text} FROM ${from.sql}${where}`)
  }

  #intAggregate(from: Relation): string {
    const any = this.value(this.pick(['int', 'text', 'date']), from, 1)
    const int = this.value('int', from, 1)
    return this.pick([
      'count(*)',
      `count(${any})`,
      `count(DISTINCT ${any})`,
      `sum(${int})`,
      `sum(DISTINCT ${int})`,
      `quantile_disc(CAST(${int} AS BIGINT), ${this.pick(['0.5', '0.1'])})`,
      `${this.pick(['bit_and', 'bit_or', 'bit_xor'])}(CAST(${int} AS BIGINT))`,
    ])
  }

  #aggregate(from: Relation): Column {
    const filter = this.chance(0.2) ? ` FILTER (WHERE ${this.predicate(from, 1)})` : ''
    const kind = this.pick(['int', 'int', 'decimal', 'text', 'date', 'double'] as const)
    if (this.chance(0.4)) return { kind: 'int', sql: this.#intAggregate(from) + filter }
    if (kind === 'double' || this.chance(0.2)) {
      const input = this.value(this.pick(['int', 'decimal', 'double']), from, 1)
      const spread = `${this.pick(['stddev', 'stddev_pop', 'var_samp', 'var_pop'])}(CAST(${input} AS DOUBLE))`
      const other = `CAST(${this.value('int', from, 1)} AS DOUBLE)`
      const pairs = `${this.pick(['covar_samp', 'covar_pop', 'regr_avgx', 'regr_sxy'])}(CAST(${input} AS DOUBLE), ${other})`
      const quantile = `quantile_cont(CAST(${input} AS DOUBLE), ${this.pick(['0.5', '0.25', '1.0'])})`
      return { kind: 'double', sql: `${this.pick([`avg(${input})`, spread, pairs, quantile])}${filter}` }
    }
    const sum = kind === 'decimal' ? [`sum(${this.value('decimal', from, 1)})`] : []
    const value = this.value(kind, from, 1)
    const texts = kind === 'text' ? [`string_agg(${value}, '|' ORDER BY lower(${value}), ${value} || '')`] : []
    return { kind, sql: this.pick([`min(${value})`, `max(${value})`, ...sum, ...texts]) + filter }
  }

  #from(depth: number): Relation {
    let joined = this.#relation(depth)
    for (let joins = this.pick([0, 0, 1, 1, 2]); joins > 0; joins--)
      joined = this.#join(joined, this.#relation(depth - 1))
    return depth > 0 && this.chance(0.08) ? this.#lateral(joined) : joined
  }

  #relation(depth: number): Relation {
    const alias = this.#name('r')
    const qualified = (columns: readonly Column[]): Column[] =>
      columns.map(({ sql, kind }) => ({ kind, sql: `${alias}.${sql}` }))
    if (depth > 0 && this.chance(0.2)) {
      const { sql, columns } = this.#select(depth - 1)
      return { sql: `(${sql}) ${alias}`, columns: qualified(columns) }
    }
    const { name, columns } = this.pick(RANDOM_TABLES)
    return { sql: `${name} ${alias}`, columns: qualified(columns.map(({ name: sql, kind }) => ({ sql, kind }))) }
  }

  #join(left: Relation, right: Relation): Relation {
    const both = [...left.columns, ...right.columns]
    const pairs = left.columns.flatMap(a =>
      right.columns.filter(b => a.kind === b.kind && a.kind !== 'double').map(b => `${a.sql} = ${b.sql}`),
    )
    if (pairs.length === 0)
      return {
        sql: `${left.sql} CROSS JOIN (SELECT * FROM ${right.sql} WHERE false) ${this.#name('x')}`,
        columns: left.columns,
      }
    const keys = [this.pick(pairs), ...(this.chance(0.3) ? [this.pick(pairs)] : [])]
    const residual = this.chance(0.3) ? [this.predicate({ sql: '', columns: both }, 1)] : []
    const kind = this.pick([
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

  /** A row for each row of the left side, of what matches it. */
  #lateral(left: Relation): Relation {
    const [inner, alias] = [this.#relation(0), this.#name('l')]
    const [n, m] = [this.#name('n'), this.#name('m')]
    const pairs = this.#pairs(inner, left)
    if (pairs.length === 0) return left
    const { kind, sql } = this.pick(inner.columns.filter(column => column.kind !== 'double'))
    const query = `SELECT count(*) AS ${n}, max(${sql}) AS ${m} FROM ${inner.sql} WHERE ${this.pick(pairs)}`
    return {
      sql: `${left.sql} CROSS JOIN LATERAL (${query}) ${alias}`,
      columns: [...left.columns, { kind: 'int', sql: `${alias}.${n}` }, { kind, sql: `${alias}.${m}` }],
    }
  }

  /** Comparisons of columns of both relations, mostly equalities. */
  #pairs(left: Relation, right: Relation): string[] {
    const op = (): string => (this.chance(0.8) ? '=' : this.pick(['<', '>=', '<>']))
    return left.columns.flatMap(a =>
      right.columns.filter(b => a.kind === b.kind && a.kind !== 'double').map(b => `${a.sql} ${op()} ${b.sql}`),
    )
  }

  #where(from: Relation, depth: number): string {
    const terms = this.chance(0.5) ? [this.predicate(from, 2)] : []
    if (depth > 0 && this.chance(0.25)) {
      const subquery = this.#subquery(from, depth - 1)
      terms.push(this.chance(0.3) ? `(${this.predicate(from, 1)} OR ${subquery})` : subquery)
    }
    return terms.length === 0 ? '' : ` WHERE ${terms.join(' AND ')}`
  }

  #subquery(outer: Relation, depth: number): string {
    const inner = this.#relation(depth)
    const kind = this.pick(['int', 'text', 'date'] as const)
    const [x, mine] = [this.value(kind, inner, 0), this.value(kind, outer, 0)]
    const pairs = this.#pairs(inner, outer)
    const terms = [
      ...(pairs.length > 0 && this.chance(0.7) ? [this.pick(pairs)] : []),
      ...(this.chance(0.4) ? [this.predicate(inner, 1)] : []),
      // Sees two queries around it.
      ...(depth > 0 && this.chance(0.15)
        ? [this.#subquery({ sql: '', columns: [...inner.columns, ...outer.columns] }, 0)]
        : []),
    ]
    const where = terms.length === 0 ? '' : ` WHERE ${terms.join(' AND ')}`
    return this.pick([
      `${this.pick(['', 'NOT '])}EXISTS (SELECT 1 FROM ${inner.sql}${where})`,
      `${mine} ${this.pick(['', 'NOT '])}IN (SELECT ${x} FROM ${inner.sql}${where})`,
      `${mine} >= (SELECT ${this.pick(['min', 'max'])}(${x}) FROM ${inner.sql}${where})`,
      `(SELECT count(${x}) FROM ${inner.sql}${where}) ${this.pick(['<', '=', '>='])} ${this.below(4)}`,
      `${mine} ${this.pick(['=', '<>', '<', '>='])} ${this.pick(['ANY', 'ALL'])} (SELECT ${x} FROM ${inner.sql}${where})`,
    ])
  }
}
