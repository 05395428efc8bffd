/** count(*), count(x): rows, or rows in which x is not NULL. */
import type { Column } from '../../../arrow/batch.js'
import { bitmapBytes, makeColumn } from '../../../arrow/column.js'
import { kernels, withScratch } from '../../../arrow/memory.js'
import { Segments, type Charge } from '../../../arrow/segments.js'
import { INT64 } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { booleanArgument } from './bool.js'
import {
  entryValues,
  isFew,
  LANE_BYTES,
  type Accumulator,
  type AggregateDefinition,
  type GroupRows,
} from './accumulator.js'

export const count: AggregateDefinition = {
  name: 'count',
  aliases: [],
  description: 'The number of rows, or of rows in which the argument is not NULL. 0 where there are none.',
  examples: [
    { sql: 'count(*) FROM (VALUES (1), (2), (NULL)) t(x)', result: '3' },
    { sql: 'count(x) FROM (VALUES (1), (2), (NULL)) t(x)', result: '2' },
    { sql: 'count(DISTINCT x) FROM (VALUES (1), (1), (NULL)) t(x)', result: '1' },
  ],
  coerce(args) {
    if (args.length > 1) throw fail('FUNCTION_ARGUMENTS', [`count takes one argument or *, got ${args.length}`])
    return args
  },
  returns: () => INT64,
  stateTypes: () => [INT64],
  accumulator: options => new Count(options.charge),
}

export const countIf: AggregateDefinition = {
  name: 'count_if',
  aliases: ['countif'],
  description: 'The number of rows in which the condition is true.',
  examples: [
    { sql: 'count_if(x > 1) FROM (VALUES (1), (2), (3), (NULL)) t(x)', result: '2' },
    { sql: 'count_if(x) FROM (VALUES (CAST(NULL AS BOOLEAN))) t(x)', result: '0' },
  ],
  coerce: args => [booleanArgument('count_if', args)],
  returns: () => INT64,
  stateTypes: () => [INT64],
  accumulator: options => new TrueCount(options.charge),
}

/** The counts of groups, 8 bytes each; also a part of avg. */
export class Count implements Accumulator {
  readonly entries: Segments

  constructor(charge: Charge) {
    this.entries = new Segments(8, charge)
  }

  update(rows: GroupRows, [argument]: readonly Column[]): void {
    this.entries.reserve(rows.groupCount)
    if (argument?.type.kind === 'null') return
    const validity = argument?.validity ?? 0
    const { groups, count, groupCount } = rows
    const { directory } = this.entries
    if (validity !== 0 || !isFew(rows)) return void kernels().aggregateCount(groups, validity, count, directory)
    withScratch(
      scratch =>
        void kernels().aggregateCountFew(groups, count, groupCount, scratch(groupCount * LANE_BYTES), directory),
    )
  }

  merge(rows: GroupRows, [counts]: readonly Column[]): void {
    this.entries.reserve(rows.groupCount)
    kernels().aggregateSum64(rows.groups, counts.values, 8, 1, counts.validity, 0, rows.count, this.entries.directory)
  }

  states(from: number, n: number): Column[] {
    return [this.finish(from, n)]
  }

  finish(from: number, n: number): Column {
    const values = entryValues(this.entries, from, n, 8)
    return makeColumn({ type: INT64, length: n, values, blocks: [values] })
  }

  close(): void {
    this.entries.close()
  }
}

/** Counts the rows of a condition that are true, as if the others were NULL. */
class TrueCount extends Count {
  override update(rows: GroupRows, [condition]: readonly Column[]): void {
    withScratch(scratch => {
      const isTrue = scratch(bitmapBytes(rows.count))
      kernels().logicIntersect(condition.values, condition.validity, 0, rows.count, isTrue)
      super.update(rows, [{ ...condition, validity: isTrue }])
    })
  }
}
