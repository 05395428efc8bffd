/** Random typed expressions over given columns, within what this engine and DuckDB mean alike. */
import type { Rng } from '../../src/common/clock.js'

export type Kind = 'int' | 'decimal' | 'double' | 'text' | 'date'

export interface Column {
  readonly sql: string
  readonly kind: Kind
}

export interface Relation {
  readonly sql: string
  readonly columns: readonly Column[]
}

/** Makes expressions; every choice comes from the seed. */
export class RandomExprs {
  readonly #rng: Rng

  constructor(rng: Rng) {
    this.#rng = rng
  }

  below = (limit: number): number => Math.floor(this.#rng.next() * limit)
  chance = (share: number): boolean => this.#rng.next() < share
  pick = <T>(list: readonly T[]): T => list[this.below(list.length)]

  /** An expression of the kind: a column if there is one, a literal, or a function of others. */
  value(kind: Kind, from: Relation, depth: number): string {
    const columns = from.columns.filter(candidate => candidate.kind === kind)
    if (depth === 0 || this.chance(0.5)) {
      return columns.length > 0 && this.chance(0.95) ? this.pick(columns).sql : this.literal(kind)
    }
    const one = (of: Kind = kind): string => this.value(of, from, depth - 1)
    const choice = this.below(8)
    if (choice === 0) return `CASE WHEN ${this.predicate(from, depth - 1)} THEN ${one()} ELSE ${one()} END`
    if (choice === 1) return `coalesce(${one()}, ${one()})`
    if (choice === 2) return `CASE WHEN ${this.predicate(from, depth - 1)} THEN ${one()} END`
    switch (kind) {
      case 'int':
        return this.pick([
          `(${one()} + ${one()})`,
          `(${one()} - ${one()})`,
          `(${one()} * ${this.below(5)})`,
          `(${one()} % ${2 + this.below(5)})`,
          `(${one()} / ${2 + this.below(5)})`,
          `abs(${one()})`,
          `length(${one('text')})`,
          `strpos(${one('text')}, '${this.pick(['a', 'b', 'é', ''])}')`,
          `${this.pick(['greatest', 'least'])}(${one()}, ${one()}, ${one()})`,
          `nullif(${one()}, ${one()})`,
          `CAST(EXTRACT(${this.pick(['YEAR', 'MONTH', 'DAY', 'QUARTER', 'WEEK', 'DOW', 'DOY'])} FROM ${one('date')}) AS BIGINT)`,
          `CAST(CAST(${one('decimal')} AS DECIMAL(24,6)) AS BIGINT)`,
          `(${one('date')} - ${one('date')})`,
        ])
      case 'decimal':
        return this.pick([
          `(${one()} + ${one()})`,
          `(${one()} - ${one()})`,
          `(${one()} * ${this.below(50) / 10 + 1})`,
          `CAST(CAST(${one('int')} AS BIGINT) % 1000 AS DECIMAL(10,2))`,
          `CAST(${one()} AS DECIMAL(18,1))`,
          `-${this.value(kind, { ...from, columns }, 0)}`,
        ])
      case 'double':
        return this.pick([
          `(${one()} * 2.5)`,
          `(${one()} + ${one('int')})`,
          `CAST(${one('decimal')} AS DOUBLE)`,
          `sqrt(abs(${one()}))`,
          `${this.pick(['floor', 'ceil'])}(${one()})`,
        ])
      case 'text':
        return this.pick([
          `(${one()} || ${one()})`,
          `upper(${one()})`,
          `lower(${one()})`,
          `substring(${one()} FROM ${1 + this.below(3)} FOR ${this.below(3)})`,
          `replace(${one()}, 'a', 'zz')`,
          `CAST(${one('int')} AS VARCHAR)`,
          `trim(${one()})`,
          `${this.pick(['left', 'right'])}(${one()}, ${this.below(4)})`,
          `${this.pick(['lpad', 'rpad'])}(${one()}, ${this.below(5)}, '*-')`,
          `reverse(${one()})`,
          `concat(${one()}, '/', ${one()})`,
          `nullif(${one()}, ${one()})`,
        ])
      case 'date':
        return this.pick([
          `CAST(${one()} + INTERVAL '${this.below(40)}' DAY AS DATE)`,
          `CAST(${one()} - INTERVAL '${this.below(5)}' MONTH AS DATE)`,
          `CAST(date_trunc('${this.pick(['month', 'year'])}', ${one()}) AS DATE)`,
        ])
    }
  }

  literal(kind: Kind): string {
    switch (kind) {
      case 'int':
        return String(this.below(20))
      case 'decimal':
        return `${this.below(100)}.${this.below(90) + 10}`
      case 'double':
        return `${this.below(100)}e-1`
      case 'text':
        return `'${this.pick(['a', 'ab', 'Beta', '', 'x_y', 'é'])}'`
      case 'date':
        return `DATE '1995-0${1 + this.below(9)}-1${this.below(10)}'`
    }
  }

  predicate(from: Relation, depth: number): string {
    const one = (): string => this.predicate(from, depth - 1)
    const kind = this.pick(['int', 'int', 'decimal', 'text', 'date'] as const)
    const value = (): string => this.value(kind, from, Math.min(depth, 1))
    switch (this.below(depth > 0 ? 10 : 7)) {
      case 0:
      case 1:
        return `${value()} ${this.pick(['=', '<>', '<', '<=', '>', '>='])} ${this.chance(0.6) ? this.literal(kind) : value()}`
      case 2:
        return `${value()} ${this.pick(['', 'NOT '])}IN (${this.literal(kind)}, ${this.literal(kind)}${this.chance(0.2) ? ', NULL' : ''})`
      case 3:
        return `${value()} ${this.pick(['', 'NOT '])}BETWEEN ${this.literal(kind)} AND ${this.literal(kind)}`
      case 4:
        return `${this.value('text', from, 0)} ${this.pick(['', 'NOT '])}LIKE '${this.pick(['a%', '%b%', '_b%', '%', '', '%a', 'w_', '日%'])}'`
      case 5:
        return `${value()} IS ${this.pick(['', 'NOT '])}NULL`
      case 6:
        return `${value()} IS ${this.pick(['', 'NOT '])}DISTINCT FROM ${value()}`
      case 7:
        return `NOT (${one()})`
      case 8:
        return `(${one()} OR ${one()})`
      default:
        return `(${one()} AND ${one()})`
    }
  }
}
