/** generate_series() and range(): numbers, dates or timestamps at equal distances as a table. */
import { field, type Schema } from '../arrow/schema.js'
import {
  DATE,
  INT64,
  INTERVAL,
  timestamp,
  typeName,
  type DataType,
  type IntervalValue,
  type Value,
} from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { castExpr } from '../expr/build.js'
import { literal, typeOf, type LiteralExpr } from '../expr/expr.js'
import { evaluateRow } from '../expr/interpret.js'
import type { ScanPlan, ScanRequest, SeriesSource, Statistics, TableProvider } from './table-provider.js'

/** Its only column, as DataFusion names it. */
const COLUMN = 'value'

/** A table that holds no rows: they are computed while it is read. */
export class SeriesTable implements TableProvider {
  readonly schema: Schema
  readonly #source: SeriesSource

  constructor(source: SeriesSource) {
    this.schema = { fields: [field(COLUMN, source.type, false)] }
    this.#source = source
  }

  statistics(): Statistics {
    const { start, stop, step, isInclusive } = this.#source
    if (typeof start !== 'bigint' || typeof stop !== 'bigint' || typeof step !== 'bigint') return { columns: new Map() }
    const bound = isInclusive ? stop : stop - BigInt(stepSign(step))
    if ((bound - start) * step < 0n) return { rowCount: 0, columns: new Map() }
    const steps = (bound - start) / step
    const last = start + steps * step
    const [min, max] = step > 0n ? [start, last] : [last, start]
    return { rowCount: Number(steps) + 1, columns: new Map([[COLUMN, { nullCount: 0, min, max }]]) }
  }

  scan(request: ScanRequest): ScanPlan {
    return { source: this.#source, residual: request.filters }
  }
}

/**
 * `(stop)`, `(start, stop)` or `(start, stop, step)`; generate_series() includes the stop, range() does not. A NULL argument
 * gives no rows. Throws INVALID_ARGUMENT for a zero step and TYPE_MISMATCH for other types than integers, or dates and
 * timestamps with an INTERVAL.
 */
export function seriesTable(name: string, args: readonly LiteralExpr[]): SeriesTable {
  if (args.length < 1 || args.length > 3) {
    throw fail('INVALID_ARGUMENT', [`${name}() takes (stop), (start, stop) or (start, stop, step), got ${args.length}`])
  }
  const [start, stop, step] = args.length === 1 ? [literal(0n, INT64), args[0], undefined] : args
  const type = seriesType(name, start, stop, step)
  const isWhole = type.kind === 'int'
  if (!isWhole && step === undefined) throw fail('INVALID_ARGUMENT', [`${name}() of ${typeName(type)} needs a step`])
  const valueOf = (arg: LiteralExpr, to: DataType): Value => evaluateRow(castExpr(arg, to), [])
  const values = [valueOf(start, type), valueOf(stop, type)]
  const stride = step === undefined ? 1n : valueOf(step, isWhole ? INT64 : INTERVAL)
  if ([...values, stride].includes(null)) return emptySeries(type)
  if (stepSign(stride) === 0) throw fail('INVALID_ARGUMENT', [`${name}() needs a step that is not zero`])
  return new SeriesTable({
    kind: 'series',
    type,
    start: values[0],
    stop: values[1],
    step: stride,
    isInclusive: name === 'generate_series',
  })
}

/** Dates stay dates if the step has no hours. */
function seriesType(name: string, start: LiteralExpr, stop: LiteralExpr, step: LiteralExpr | undefined): DataType {
  const types = [typeOf(start), typeOf(stop)]
  const isOf = (...kinds: readonly DataType['kind'][]): boolean =>
    types.every(type => kinds.includes(type.kind) || type.kind === 'null')
  if (isOf('int')) return INT64
  if (isOf('date')) return hasTime(step?.value) ? timestamp() : DATE
  if (isOf('date', 'timestamp')) return types.find(type => type.kind === 'timestamp') ?? timestamp()
  throw fail('TYPE_MISMATCH', [
    `${name}() takes integers, or dates and timestamps, not ${types.map(typeName).join(' and ')}`,
  ])
}

const hasTime = (step: Value | undefined): boolean =>
  typeof step === 'object' && step !== null && 'nanos' in step && step.nanos !== 0n

const emptySeries = (type: DataType): SeriesTable =>
  new SeriesTable({
    kind: 'series',
    type,
    ...(type.kind === 'date' ? { start: 1, stop: 0 } : { start: 1n, stop: 0n }),
    step: type.kind === 'int' ? 1n : { months: 0, days: 1, nanos: 0n },
    isInclusive: false,
  })

/** The direction of a step; an interval goes where its largest unit goes. */
export function stepSign(step: Value): number {
  if (typeof step === 'bigint') return step > 0n ? 1 : step < 0n ? -1 : 0
  const { months, days, nanos } = step as IntervalValue
  return Math.sign(months) || Math.sign(days) || (nanos > 0n ? 1 : nanos < 0n ? -1 : 0)
}
