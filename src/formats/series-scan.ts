/** The values of a series as batches of one column. */
import type { Batch } from '../arrow/batch.js'
import { columnFromValues } from '../arrow/column.js'
import type { Schema } from '../arrow/schema.js'
import type { DataType, IntervalValue, Value } from '../arrow/types.js'
import type { SeriesSource } from '../catalog/table-provider.js'
import { stepSign } from '../catalog/series-table.js'
import { fail } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import { addIntervalToDate, addIntervalToTimestamp } from '../expr/calendar.js'
import type { TaskContext } from '../runtime/task-context.js'

/** Batches of at most `batchRows` rows, given away. `schema` has the column or none (rows are only counted). */
export async function* seriesBatches(
  source: SeriesSource,
  schema: Schema,
  batchRows: number,
  ctx: TaskContext,
): AsyncGenerator<Batch, void> {
  const values = seriesValues(source)
  for (;;) {
    ctx.signal.throwIfAborted()
    const chunk: Value[] = []
    for (let next = values.next(); !next.done; next = values.next()) {
      chunk.push(next.value)
      if (chunk.length === batchRows) break
    }
    if (chunk.length === 0) return
    const columns = schema.fields.map(({ type }) => columnFromValues(type, chunk))
    yield { schema, rowCount: chunk.length, columns }
  }
}

/** Values of timestamps and 64-bit integers are bigint, of dates number. */
function* seriesValues({ type, start, stop, step, isInclusive }: SeriesSource): Generator<Value> {
  const up = stepSign(step) > 0
  const end = stop as number | bigint
  for (let value = start as number | bigint; up ? value <= end : value >= end;) {
    if (value === end && !isInclusive) return
    yield value
    const next = nextValue(value, step, type)
    // `1 month - 31 days` goes on for ever.
    if (up ? next <= value : next >= value)
      throw fail('INVALID_ARGUMENT', ['the step of a series must lead away from its start'])
    value = next
  }
}

function nextValue(value: number | bigint, step: Value, type: DataType): number | bigint {
  if (typeof step === 'bigint') return BigInt(value) + step
  const interval = step as IntervalValue
  if (type.kind === 'date') return addIntervalToDate(Number(value), interval, 1)
  invariant(type.kind === 'timestamp', 'a series of dates or timestamps')
  return addIntervalToTimestamp(BigInt(value), interval, 1, type.unit)
}
