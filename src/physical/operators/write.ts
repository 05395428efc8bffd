/** WriteExec: writes its input to a file, for COPY and INSERT. */
import { batchFromValues } from '../../arrow/column.js'
import { field, type Schema } from '../../arrow/schema.js'
import { INT64 } from '../../arrow/types.js'
import type { WriteTarget } from '../../catalog/table-provider.js'
import { unreachable } from '../../common/invariant.js'
import type { FileWriter } from '../../formats/format.js'
import type { Operator } from '../../runtime/operator.js'
import type { TaskContext } from '../../runtime/task-context.js'
import { defineOperator, type PhysicalPlan } from '../plan.js'
import { SINGLE } from '../properties.js'

export interface WriteExec extends PhysicalPlan {
  readonly kind: 'WriteExec'
  readonly target: WriteTarget
}

const COUNT_SCHEMA: Schema = { fields: [field('count', INT64, false)] }

/**
 * Writes all rows of its only partition into one file and gives one row, the number of rows. The file appears when all rows are
 * on disk; a failure or an abort leaves nothing behind. Zero rows make a file too.
 */
export const writeOperator = defineOperator<WriteExec>({
  kind: 'WriteExec',
  properties: () => ({ partitioning: SINGLE, ordering: [], rowCount: 1 }),
  requiredDistribution: () => [{ kind: 'single' }],
  details: plan => describeTarget(plan.target),
  lower(plan, inputs) {
    if (plan.kind !== 'write') return undefined
    return { kind: 'WriteExec', target: plan.target, schema: COUNT_SCHEMA, children: inputs }
  },
  open: (plan, ctx) => openWrite(plan, ctx),
  samples: () => [],
})

function describeTarget(target: WriteTarget): string {
  switch (target.kind) {
    case 'file':
    case 'directory':
      return `${target.kind}=${target.path}, file_type=${target.format}`
    case 'memory':
      return `table=${target.table}`
  }
  return unreachable(target)
}

function openWrite({ target, children, schema }: WriteExec, ctx: TaskContext): Operator {
  // Opened by the first batch, or by the end of an empty input.
  let opening: Promise<FileWriter> | undefined
  let isClosed = false
  const open = async (): Promise<FileWriter> => {
    const { openWriter } = await import('../../formats/open-writer.js')
    return openWriter(target, children[0].schema, { name: ctx.host, config: ctx.config })
  }
  const writer = (): Promise<FileWriter> => (opening ??= open())
  return {
    push: batch => withoutOutput(async () => (await writer()).write(batch)),
    async *finish() {
      const { rows } = await (await writer()).close()
      isClosed = true
      yield batchFromValues(schema, [[BigInt(rows)]])
    },
    close() {
      if (isClosed || opening === undefined) return
      isClosed = true
      void opening.then(file => file.abort()).catch(() => undefined)
    },
  }
}

/** Runs `action` when it is asked for output, of which there is none. */
async function* withoutOutput(action: () => Promise<void>): AsyncGenerator<never> {
  await action()
  yield* []
}
