/** Random SQL texts over the tables t, u and v of smallCatalog(), for tests that compare two ways to run a query. */
import type { Rng } from '../../src/common/clock.js'

/** Columns of BIGINT and VARCHAR by table. */
const TABLES = [
  { name: 't', numbers: ['a', 'b'], texts: ['s'] },
  { name: 'u', numbers: ['a', 'c'], texts: ['s'] },
  { name: 'v', numbers: ['b', 'c'], texts: [] },
] as const

interface Relation {
  readonly sql: string
  readonly numbers: readonly string[]
  readonly texts: readonly string[]
}

/** Makes SQL texts; every choice comes from the seed. */
export class QueryMaker {
  readonly #rng: Rng
  readonly #subqueries: boolean
  #relations = 0

  /** `subqueries`: also scalar, IN and EXISTS subqueries in WHERE, correlated or not. */
  constructor(rng: Rng, options: { subqueries: boolean } = { subqueries: false }) {
    this.#rng = rng
    this.#subqueries = options.subqueries
  }

  query(): string {
    const roll = this.#below(10)
    if (roll > 1) return this.#select(2).sql
    const [left, right] = [this.#select(1), this.#select(1)]
    return `SELECT ${left.x} FROM (${left.sql}) l ${this.#pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT'])} SELECT ${right.x} FROM (${right.sql}) r`
  }

  #below = (limit: number): number => Math.floor(this.#rng.next() * limit)
  #flip = (): boolean => this.#rng.next() < 0.5
  #pick = <T>(list: readonly T[]): T => list[this.#below(list.length)]

  /** A SELECT with two BIGINT columns of new names. */
  #select(depth: number): { sql: string; x: string; y: string } {
    const [x, y] = [`x${++this.#relations}`, `y${this.#relations}`]
    return { sql: this.#selectAs(depth, x, y), x, y }
  }

  #selectAs(depth: number, x: string, y: string): string {
    const from = this.#from(depth)
    const where = this.#where(from, depth)
    const [first, second] = [this.#number(from), this.#number(from)]
    switch (this.#below(4)) {
      case 0:
        return `SELECT DISTINCT ${first} AS ${x}, ${second} AS ${y} FROM ${from.sql}${where}`
      case 1: {
        const having = this.#flip() ? ` HAVING ${this.#pick(['count(*) > 1', `${x} > 1`, `${y} < 4 OR ${x} = 2`])}` : ''
        const aggregate = this.#pick(['count(*)', `sum(${second})`, `min(${second})`, `count(DISTINCT ${second})`])
        return `SELECT ${first} AS ${x}, ${aggregate} AS ${y} FROM ${from.sql}${where} GROUP BY ${x}${having}`
      }
      case 2:
        return `SELECT ${this.#pick(['count(*)', `sum(${first})`])} AS ${x}, max(${second}) AS ${y} FROM ${from.sql}${where}`
      default:
        return `SELECT ${first} AS ${x}, ${second} AS ${y} FROM ${from.sql}${where}`
    }
  }

  #where(from: Relation, depth: number): string {
    const terms = this.#flip() ? [this.#predicate(from, 2)] : []
    if (this.#subqueries && depth > 0 && this.#below(3) > 0) terms.push(this.#subqueryTerm(from, depth - 1))
    return terms.length === 0 ? '' : ` WHERE ${terms.join(' AND ')}`
  }

  /** A condition with subqueries: alone, under OR, NOT or CASE. */
  #subqueryTerm(outer: Relation, depth: number): string {
    const one = (): string => this.#subquery(outer, depth, false)
    switch (this.#below(8)) {
      case 0:
        return `(${one()} OR ${this.#predicate(outer, 1)})`
      case 1:
        return `(${one()} OR ${one()})`
      case 2:
        return `NOT (${one()} AND ${this.#predicate(outer, 1)})`
      case 3:
        return `CASE WHEN ${one()} THEN ${this.#predicate(outer, 0)} ELSE ${this.#predicate(outer, 0)} END`
      case 4:
        return `(${one()}) IS ${this.#pick(['NULL', 'NOT NULL', 'NOT TRUE'])}`
      default:
        return this.#subquery(outer, depth, true)
    }
  }

  /** A condition with a subquery over one table or derived table, with or without columns of `outer` in it. */
  #subquery(outer: Relation, depth: number, isTerm: boolean): string {
    const inner = this.#relation(depth)
    const [x, y] = [this.#pick(inner.numbers), this.#pick(inner.numbers)]
    const correlated = this.#pick(['=', '=', '=', '<', '<>', 'IS NOT DISTINCT FROM'])
    const correlation = this.#below(4) > 0 ? [`${y} ${correlated} ${this.#pick(outer.numbers)}`] : []
    const other = this.#flip() ? [this.#predicate(inner, 1)] : []
    // Names of the query around this one are known two levels further in.
    const both = { sql: inner.sql, numbers: [...inner.numbers, ...outer.numbers], texts: inner.texts }
    const nested = depth > 0 && this.#below(4) === 0 ? [this.#subquery(both, depth - 1, true)] : []
    const conditions = [...correlation, ...other, ...nested]
    const where = (terms: readonly string[]): string => (terms.length === 0 ? '' : ` WHERE ${terms.join(' AND ')}`)
    const outerNumber = this.#pick(outer.numbers)
    switch (this.#below(9)) {
      case 4: {
        const value = this.#pick([x, `${x} + ${outerNumber}`])
        return `${outerNumber} ${this.#pick(['=', '<', '>='])} (SELECT ${value} AS z FROM ${inner.sql}${where(conditions)} ORDER BY z, ${y} LIMIT 1${this.#pick(['', ' OFFSET 1'])})`
      }
      case 5:
        return `${outerNumber} ${this.#pick(['=', '<>', '<', '>='])} ${this.#pick(['ANY', 'ALL'])} (SELECT ${x} FROM ${inner.sql}${where(conditions)})`
      case 6:
        return `${outerNumber} ${this.#pick(['', 'NOT '])}IN (SELECT ${x} FROM ${inner.sql}${where(conditions)} GROUP BY ${x} HAVING count(*) ${this.#pick(['>', '<'])} 2)`
      case 7:
        return `EXISTS (SELECT count(*) FROM ${inner.sql}${where(conditions)} HAVING sum(${x}) > ${this.#pick(['2', outerNumber])})`
      case 8:
        return `${outerNumber} = (SELECT max(z) FROM (SELECT ${x} + ${this.#pick(['1', outerNumber])} AS z FROM ${inner.sql}${where(conditions)} UNION ALL SELECT ${outerNumber}) AS w${inner.sql.length}x)`
      case 0: {
        // Only where DuckDB makes a semi join of it: its mark joins take `x <> NULL` for true.
        const unequal = isTerm && correlated === '=' && this.#flip() ? [`${x} <> ${outerNumber}`] : []
        return `${this.#flip() ? 'NOT ' : ''}EXISTS (SELECT ${x} FROM ${inner.sql}${where([...conditions, ...unequal])})`
      }
      case 1:
        return `${outerNumber}${this.#below(3) === 0 ? ' NOT' : ''} IN (SELECT ${x} FROM ${inner.sql}${where(conditions)})`
      case 2:
        return `${outerNumber} >= (SELECT ${this.#pick(['min', 'max', 'sum'])}(${x}) FROM ${inner.sql}${where(conditions)})`
      default:
        return `(SELECT count(${x}) + 1 FROM ${inner.sql}${where(conditions)}) ${this.#pick(['<', '=', '>'])} ${outerNumber}`
    }
  }

  #from(depth: number): Relation {
    const first = this.#relation(depth)
    const rest = this.#below(3)
    let joined = first
    for (let i = 0; i < rest; i++) joined = this.#join(joined, this.#relation(depth - 1))
    return joined
  }

  #relation(depth: number): Relation {
    const alias = `r${++this.#relations}`
    if (depth > 0 && this.#below(4) === 0) {
      const { sql, x, y } = this.#select(depth - 1)
      return { sql: `(${sql}) ${alias}`, numbers: [`${alias}.${x}`, `${alias}.${y}`], texts: [] }
    }
    const { name, numbers, texts } = this.#pick(TABLES)
    return {
      sql: `${name} ${alias}`,
      numbers: numbers.map(column => `${alias}.${column}`),
      texts: texts.map(column => `${alias}.${column}`),
    }
  }

  #join(left: Relation, right: Relation): Relation {
    const both = { numbers: [...left.numbers, ...right.numbers], texts: [...left.texts, ...right.texts] }
    const key = `${this.#pick(left.numbers)} = ${this.#pick(right.numbers)}`
    const on = this.#flip() ? key : `${key} AND ${this.#predicate({ sql: '', ...both }, 1)}`
    const kind = this.#pick([
      'comma',
      'JOIN',
      'LEFT JOIN',
      'RIGHT JOIN',
      'FULL JOIN',
      'LEFT SEMI JOIN',
      'LEFT ANTI JOIN',
    ])
    if (kind === 'comma') return { sql: `${left.sql} CROSS JOIN ${right.sql}`, ...both }
    const sql = `${left.sql} ${kind} ${right.sql} ON ${on}`
    return kind.endsWith('SEMI JOIN') || kind.endsWith('ANTI JOIN') ? { ...left, sql } : { sql, ...both }
  }

  #number(from: Relation): string {
    const column = this.#pick(from.numbers)
    return this.#pick([
      column,
      column,
      `${column} + ${this.#below(3)}`,
      `${column} * 2`,
      `CASE WHEN ${column} > 2 THEN 1 ELSE ${this.#pick(from.numbers)} END`,
    ])
  }

  #predicate(from: Relation, depth: number): string {
    const one = (): string => this.#predicate(from, depth - 1)
    switch (this.#below(depth > 0 ? 10 : 6)) {
      case 0:
        return `${this.#pick(from.numbers)} = ${this.#pick(from.numbers)}`
      case 1:
        return `${this.#pick(from.numbers)} ${this.#pick(['<', '>', '<>', '='])} ${this.#below(5)}`
      case 2:
        return `${this.#number(from)} IN (${this.#below(5)}, ${this.#below(5)})`
      case 3:
        return `${this.#pick(from.numbers)} IS ${this.#flip() ? 'NOT ' : ''}NULL`
      case 4:
        return from.texts.length > 0
          ? `${this.#pick(from.texts)} ${this.#pick(['=', '<>', 'LIKE'])} '${this.#pick('abcd'.split(''))}'`
          : '1 = 1'
      case 5:
        return `${this.#number(from)} IS DISTINCT FROM ${this.#number(from)}`
      case 6:
        return `NOT (${one()})`
      case 7:
        return `(${one()} OR ${one()})`
      case 8:
        return `((${one()} AND ${one()}) OR (${one()} AND ${one()}))`
      default:
        return `${one()} AND ${one()}`
    }
  }
}
