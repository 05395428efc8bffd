/** EncodeExec: makes pieces of a file out of rows, so that all tasks encode what one of them writes. */
import type { Batch } from '../../arrow/batch.js'
import { batchFromValues, valueAt } from '../../arrow/column.js'
import { field, type Schema } from '../../arrow/schema.js'
import { BINARY, INT64 } from '../../arrow/types.js'
import type { StagedWrite } from '../../catalog/table-write.js'
import { fail } from '../../common/errors.js'
import type { EncodedPiece, PieceEncoder } from '../../formats/format.js'
import type { Operator } from '../../runtime/operator.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'

export interface EncodeExec extends PhysicalPlan {
  readonly kind: 'EncodeExec'
  readonly staged: StagedWrite
}

const PIECES: Schema = { fields: [field('piece', BINARY, false), field('rows', INT64, false)] }

export const encodeExec = (staged: StagedWrite, input: PhysicalPlan): EncodeExec => ({
  kind: 'EncodeExec',
  staged,
  schema: PIECES,
  children: [input],
})

export const isEncodeExec = (plan: PhysicalPlan): plan is EncodeExec => plan.kind === 'EncodeExec'

/** A row for each piece. Holds the rows of one. */
export const encodeOperator = defineOperator<EncodeExec>({
  kind: 'EncodeExec',
  properties: (_plan, [input]) => ({ partitioning: input.partitioning, ordering: [] }),
  details: ({ staged }) => `file_type=${staged.format}`,
  open: (plan, ctx) => new Encode(plan, ctx),
  samples: () => [],
})

/** The piece of each row of a batch; they are copies. */
export function* piecesOf(batch: Batch): Generator<EncodedPiece> {
  for (let row = 0; row < batch.rowCount; row++) {
    const [bytes, rows] = batch.columns.map(column => valueAt(column, row))
    yield { bytes: bytes as Uint8Array, rows: Number(rows) }
  }
}

class Encode implements Operator {
  private readonly plan: EncodeExec
  private readonly ctx: TaskContext
  private encoder: PieceEncoder | undefined

  constructor(plan: EncodeExec, ctx: TaskContext) {
    this.plan = plan
    this.ctx = ctx
  }

  async *push(batch: Batch): AsyncGenerator<Batch> {
    const encoder = (this.encoder ??= await this.open())
    for await (const piece of encoder.push(batch)) yield asBatch(piece)
  }

  async *finish(): AsyncGenerator<Batch> {
    if (this.encoder === undefined) return
    for await (const piece of this.encoder.finish()) yield asBatch(piece)
  }

  close(): void {
    this.encoder?.close()
  }

  private async open(): Promise<PieceEncoder> {
    const { openEncoder } = await import('../../formats/open-writer.js')
    const { extension, format, options } = this.plan.staged
    const { config, host } = this.ctx
    const file = { path: `piece.${extension}`, format, options }
    const encoder = await openEncoder(file, this.plan.children[0].schema, { name: host, config })
    if (encoder === undefined) throw fail('INTERNAL', [`${format} files are not made of pieces`])
    return encoder
  }
}

const asBatch = ({ bytes, rows }: EncodedPiece): Batch => batchFromValues(PIECES, [[bytes], [BigInt(rows)]])
