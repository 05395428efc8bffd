/** sum(x): exact for integers and decimals; the result is an error where it does not fit its type. */
import type { Column } from '../../../arrow/batch.js'
import { makeColumn } from '../../../arrow/column.js'
import { kernels, views, withScratch } from '../../../arrow/memory.js'
import { Segments, type Charge } from '../../../arrow/segments.js'
import { decimal, FLOAT64, INT64, isNumeric, typeName, UINT64, type DataType } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import {
  entryValues,
  isFew,
  LANE_BYTES,
  Seen,
  withNulls,
  type Accumulator,
  type AccumulatorOptions,
  type AggregateDefinition,
  type GroupRows,
  type Total,
} from './accumulator.js'

export const sum: AggregateDefinition = {
  name: 'sum',
  aliases: [],
  description: 'The sum of the values that are not NULL; NULL where there are none. Exact for integers and decimals.',
  examples: [
    { sql: 'sum(x) FROM (VALUES (1), (2), (NULL)) t(x)', result: '3' },
    { sql: 'sum(x) FROM (VALUES (0.10), (0.20)) t(x)', result: '0.30' },
    { sql: 'sum(x) FROM (VALUES (CAST(NULL AS INT))) t(x)', result: 'NULL' },
  ],
  coerce: args => [numericArgument('sum', args)],
  returns: ([type]) => sumType(type),
  stateTypes: ([type]) => [sumState(type)],
  accumulator: options => new Sum(options, sumType(options.args[0])),
}

/** The one argument of a numeric aggregate; NULL counts as BIGINT. */
export function numericArgument(name: string, args: readonly DataType[]): DataType {
  if (args.length !== 1) throw fail('FUNCTION_ARGUMENTS', [`${name} takes one argument, got ${args.length}`])
  const [type] = args
  if (type.kind === 'null') return INT64
  if (!isNumeric(type))
    throw fail('FUNCTION_ARGUMENTS', [`${name} takes a number, got ${typeName(type)}; cast it to a number type`])
  return type
}

export function sumType(type: DataType): DataType {
  if (type.kind === 'decimal') return decimal(Math.min(38, type.precision + 10), type.scale)
  if (type.kind === 'float') return FLOAT64
  return type.kind === 'int' && !type.signed ? UINT64 : INT64
}

/** What a partial sum travels as: wide enough that only the whole sum can overflow. */
export function sumState(type: DataType): DataType {
  if (type.kind === 'float') return FLOAT64
  return decimal(38, type.kind === 'decimal' ? type.scale : 0)
}

class Sum implements Accumulator {
  readonly #seen: Seen
  readonly #total: Total
  readonly #type: DataType

  constructor(options: AccumulatorOptions, type: DataType) {
    this.#seen = new Seen(options)
    this.#total = totalOf(options)
    this.#type = type
  }

  update(rows: GroupRows, [argument]: readonly Column[]): void {
    this.#seen.update(rows, argument.validity)
    this.#total.add(rows, argument)
  }

  merge(rows: GroupRows, states: readonly Column[]): void {
    this.update(rows, states)
  }

  states(from: number, n: number): Column[] {
    return [this.#column(from, n, this.#total.stateType)]
  }

  finish(from: number, n: number): Column {
    this.#total.check(from, n, this.#type)
    return this.#column(from, n, this.#type)
  }

  close(): void {
    this.#seen.close()
    this.#total.close()
  }

  #column(from: number, n: number, type: DataType): Column {
    const nulls = this.#seen.nulls(from, n)
    const width = type.kind === 'int' ? 8 : this.#total.width
    return withNulls(nulls, () => {
      const values = this.#total.values(from, n, width)
      return makeColumn({ type, length: n, width, values, ...nulls, blocks: [values, ...nulls.blocks] })
    })
  }
}

/** The sums of the first argument, together with those of the accumulators of the same argument. */
export function totalOf({ args: [type], charge, siblings }: AccumulatorOptions): Total {
  const make = (): Total => (type.kind === 'float' ? new FloatTotal(charge) : new ExactTotal(type, charge))
  if (siblings === undefined) return make()
  return (siblings.total ??= new SharedTotal(make())).join()
}

/** Adds the rows of a call once, whoever of its users comes first, and closes with the last of them. */
class SharedTotal implements Total {
  readonly #total: Total
  #users = 0
  #added: GroupRows | undefined

  constructor(total: Total) {
    this.#total = total
  }

  join(): Total {
    this.#users++
    return this
  }

  get stateType(): DataType {
    return this.#total.stateType
  }

  get width(): 8 | 16 {
    return this.#total.width
  }

  get entries(): Segments {
    return this.#total.entries
  }

  add(rows: GroupRows, column: Column): void {
    if (rows === this.#added) return
    this.#added = rows
    this.#total.add(rows, column)
  }

  values(from: number, n: number, width: number): number {
    return this.#total.values(from, n, width)
  }

  check(from: number, n: number, type: DataType): void {
    this.#total.check(from, n, type)
  }

  close(): void {
    if (--this.#users === 0) this.#total.close()
  }
}

class FloatTotal implements Total {
  readonly stateType = FLOAT64
  readonly width = 8
  readonly entries: Segments

  constructor(charge: Charge) {
    this.entries = new Segments(8, charge)
  }

  add(rows: GroupRows, column: Column): void {
    this.entries.reserve(rows.groupCount)
    kernels().aggregateSumFloat(
      rows.groups,
      column.values,
      column.width,
      column.validity,
      rows.count,
      this.entries.directory,
    )
  }

  values(from: number, n: number): number {
    return entryValues(this.entries, from, n, 8)
  }

  /** Floats become infinite instead. */
  check(): void {}

  close(): void {
    this.entries.close()
  }
}

/** 64-bit sums, which become 128-bit ones the first time that one would overflow. */
class ExactTotal implements Total {
  readonly stateType: DataType
  readonly #charge: Charge
  #entries: Segments
  #groups = 0

  constructor(type: DataType, charge: Charge) {
    this.stateType = sumState(type)
    this.#charge = charge
    this.#entries = new Segments(8, charge)
  }

  get entries(): Segments {
    return this.#entries
  }

  get width(): 8 | 16 {
    return this.#entries.entryBytes === 8 ? 8 : 16
  }

  add(rows: GroupRows, column: Column): void {
    const own = kernels()
    this.#groups = rows.groupCount
    this.#entries.reserve(rows.groupCount)
    const { type, values, width, validity } = column
    const isSigned = type.kind === 'int' && !type.signed ? 0 : 1
    let from = 0
    if (this.#addFew(rows, column, isSigned)) return
    if (this.width === 8 && width !== 16 && (width !== 8 || isSigned === 1)) {
      from = own.aggregateSum64(rows.groups, values, width, isSigned, validity, 0, rows.count, this.#entries.directory)
      if (from === rows.count) return
    }
    this.#widen()
    const left = own.aggregateSum128(
      rows.groups,
      values,
      width,
      isSigned,
      validity,
      from,
      rows.count,
      this.#entries.directory,
    )
    if (left === 1) throw fail('NUMERIC_OVERFLOW', [typeName(this.stateType)])
  }

  values(from: number, n: number, width: number): number {
    return entryValues(this.#entries, from, n, width)
  }

  check(from: number, n: number, type: DataType): void {
    if (this.width === 8) return
    if (type.kind === 'int') {
      if (kernels().aggregateWideCount(this.#entries.directory, from, n, type.signed ? 1 : 0) > 0)
        throw fail('NUMERIC_OVERFLOW', [typeName(type)])
      return
    }
    const { i64, u64 } = views()
    for (let group = from; group < from + n; group++) {
      const at = this.#entries.at(group) / 8
      const value = (i64[at + 1] << 64n) | u64[at]
      if (value >= DECIMAL_LIMIT || value <= -DECIMAL_LIMIT) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
    }
  }

  close(): void {
    this.#entries.close()
  }

  /** The fast loop for few groups; false if it does not apply or would overflow. */
  #addFew(rows: GroupRows, { values, width, validity }: Column, isSigned: number): boolean {
    if (this.width !== 8 || width !== 8 || isSigned === 0 || validity !== 0 || !isFew(rows)) return false
    const { groups, count, groupCount } = rows
    return withScratch(scratch => {
      const lanes = scratch(groupCount * LANE_BYTES)
      return kernels().aggregateSumFew(groups, values, count, groupCount, lanes, this.#entries.directory) === 1
    })
  }

  #widen(): void {
    if (this.width === 16) return
    const wide = new Segments(16, this.#charge)
    try {
      wide.reserve(Math.max(1, this.#groups))
    } catch (error) {
      wide.close()
      throw error
    }
    kernels().aggregateWiden(this.#entries.directory, this.#groups, wide.directory)
    this.#entries.close()
    this.#entries = wide
  }
}

/** Decimals have at most 38 digits. */
const DECIMAL_LIMIT = 10n ** 38n
