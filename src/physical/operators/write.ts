/** WriteExec: stages its input as part files, for COPY and INSERT. */
import type { Batch } from '../../arrow/batch.js'
import { releaseBatch, retainColumn, valueAt } from '../../arrow/column.js'
import { field, type Schema } from '../../arrow/schema.js'
import { sliceBatch } from '../../arrow/take.js'
import { INT64 } from '../../arrow/types.js'
import type { StagedWrite } from '../../catalog/table-write.js'
import { inputExpr } from '../../expr/build.js'
import type { SortKey } from '../../expr/expr.js'
import { valueText } from '../../expr/value-text.js'
import type { PartOwner, PartWriter } from '../../formats/open-writer.js'
import { afterwards, type Operator } from '../../runtime/operator.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { encodeExec, piecesOf } from './encode.js'
import type { SortExec } from './sort.js'

export interface WriteExec extends PhysicalPlan {
  readonly kind: 'WriteExec'
  readonly staged: StagedWrite
  /** The schema of what is written. */
  readonly rows: Schema
}

/** Of the statement's result, which its coordinator gives; the operator itself gives no rows. */
export const COUNT_SCHEMA: Schema = { fields: [field('count', INT64, false)] }

/**
 * Writes the rows of each task into files of its own in the staging directory, and reports them (`StagedPart`). Rows of different
 * partition values go to different files: the input comes in the order of those columns, so that one file is open at a time. Task 0
 * makes a file for no rows, too.
 *
 *   WriteExec: partition_by=[a]          WriteExec: partition_by=[a]
 *     X                           =>       SortExec: local, a
 *                                            X
 *
 * What goes into one file is encoded where it comes from, if the format allows:
 *
 *   WriteExec: file=f.csv                WriteExec: file=f.csv
 *     X                           =>       EncodeExec
 *                                            X
 */
export const writeOperator = defineOperator<WriteExec>({
  kind: 'WriteExec',
  properties: (_plan, [input]) => ({ partitioning: input.partitioning, ordering: [], rowCount: 0 }),
  requiredDistribution: plan => [{ kind: plan.staged.singleFile ? 'single' : 'any' }],
  details: ({ staged: { format, partitionBy, singleFile, target } }) =>
    [
      `${singleFile ? 'file' : 'directory'}=${target}`,
      `file_type=${format}`,
      ...(partitionBy.length === 0 ? [] : [`partition_by=[${partitionBy.join(', ')}]`]),
    ].join(', '),
  lower(plan, [input]) {
    if (plan.kind !== 'write') return undefined
    return {
      kind: 'WriteExec',
      staged: plan.staged,
      rows: input.schema,
      schema: COUNT_SCHEMA,
      children: [encoded(sorted(input, plan.staged), plan.staged)],
    } as WriteExec
  },
  open: (plan, ctx) => new PartitionedWrite(plan, ctx),
  samples: () => [],
})

const encoded = (input: PhysicalPlan, staged: StagedWrite): PhysicalPlan =>
  staged.singleFile && staged.pieces ? encodeExec(staged, input) : input

/** By the partition columns, then as the files are to be. */
function sorted(input: PhysicalPlan, { partitionBy, singleFile, sortBy }: StagedWrite): PhysicalPlan {
  const order = [...partitionBy.map(column => ({ column, descending: false })), ...sortBy]
  if (order.length === 0) return input
  const keys = order.map(({ column, descending }): SortKey => {
    const index = input.schema.fields.findIndex(({ name }) => name === column)
    const { name, nullable, type } = input.schema.fields[index]
    return { expr: inputExpr(index, name, type, nullable), descending, nullsFirst: false }
  })
  const sort: SortExec = {
    kind: 'SortExec',
    scope: singleFile ? 'global' : 'local',
    keys,
    schema: input.schema,
    children: [input],
  }
  return sort
}

interface OpenPart {
  readonly partition: readonly (string | null)[]
  readonly writer: PartWriter
}

class PartitionedWrite implements Operator {
  private readonly staged: StagedWrite
  private readonly ctx: TaskContext
  private readonly owner: PartOwner
  /** Of the files. */
  private readonly schema: Schema
  /** Positions in the input. */
  private readonly stored: readonly number[]
  private readonly keys: readonly number[]
  /** The input is pieces of the file. */
  private readonly takesPieces: boolean
  private part: OpenPart | undefined

  constructor({ rows, staged }: WriteExec, ctx: TaskContext) {
    this.staged = staged
    this.ctx = ctx
    const { config, host, jobId, partition } = ctx
    this.owner = { jobId, partition, host: { name: host, config } }
    this.takesPieces = staged.singleFile && staged.pieces
    const { fields } = rows
    this.keys = staged.partitionBy.map(column => fields.findIndex(({ name }) => name === column))
    this.stored = fields.map((_, i) => i).filter(i => !this.keys.includes(i))
    this.schema = { fields: this.stored.map(i => fields[i]) }
  }

  push(batch: Batch): AsyncIterable<never> {
    return afterwards(() => (this.takesPieces ? this.append(batch) : this.write(batch)))
  }

  finish(): AsyncIterable<never> {
    return afterwards(async () => {
      const isFirst = this.ctx.partition === 0 && this.ctx.parts.length === 0
      if (this.part === undefined && isFirst && this.keys.length === 0) this.part = await this.open([])
      await this.closePart()
    })
  }

  close(): void {
    void this.part?.writer.abort()
  }

  private async append(batch: Batch): Promise<void> {
    this.part ??= await this.open([])
    for (const piece of piecesOf(batch)) await this.part.writer.append(piece)
  }

  private async write(batch: Batch): Promise<void> {
    for (let start = 0; start < batch.rowCount;) {
      const partition = this.partitionOf(batch, start)
      const end = this.runEnd(batch, start, partition)
      if (this.part === undefined || !isSame(this.part.partition, partition)) {
        await this.closePart()
        this.part = await this.open(partition)
      }
      const rows = this.storedColumns(batch, start, end)
      try {
        await this.part.writer.write(rows)
      } finally {
        releaseBatch(rows)
      }
      start = end
    }
  }

  private async open(partition: readonly (string | null)[]): Promise<OpenPart> {
    const { openPart } = await import('../../formats/open-writer.js')
    return { partition, writer: await openPart(this.staged, this.schema, partition, this.owner) }
  }

  private async closePart(): Promise<void> {
    if (this.part === undefined) return
    const { writer } = this.part
    this.part = undefined
    this.ctx.parts.push(await writer.close())
  }

  private partitionOf({ columns, schema }: Batch, row: number): (string | null)[] {
    return this.keys.map(key => {
      const value = valueAt(columns[key], row)
      return value === null ? null : valueText(value, schema.fields[key].type)
    })
  }

  /** The first row after `start` of another partition: rows of one are neighbours. */
  private runEnd(batch: Batch, start: number, partition: readonly (string | null)[]): number {
    if (this.keys.length === 0) return batch.rowCount
    let [same, other] = [start, batch.rowCount]
    while (other - same > 1) {
      // Most batches are all of one partition.
      const row = other === batch.rowCount && same === start ? other - 1 : (same + other) >>> 1
      if (isSame(this.partitionOf(batch, row), partition)) same = row
      else other = row
    }
    return other
  }

  /** Rows [start, end) without the partition columns, with references of their own. */
  private storedColumns(batch: Batch, start: number, end: number): Batch {
    const slice = sliceBatch(batch, start, end)
    const columns = this.stored.map(i => slice.columns[i])
    columns.forEach(retainColumn)
    releaseBatch(slice)
    return { schema: this.schema, rowCount: end - start, columns }
  }
}

const isSame = (left: readonly (string | null)[], right: readonly (string | null)[]): boolean =>
  left.every((value, i) => value === right[i])
