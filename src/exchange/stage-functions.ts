/** Which functions of users a stage calls, so that they travel with its plan and with no other. */
import { internalName } from '../expr/functions/internal-name.js'
import type { UserFunction } from '../expr/functions/user-function.js'
import type { StagePlan } from './stage.js'

/** The stages, each with those of `functions` that occur in it. */
export function withFunctions(stages: readonly StagePlan[], functions: readonly UserFunction[]): readonly StagePlan[] {
  if (functions.length === 0) return stages
  const byName = new Map(functions.map(declared => [internalName(declared), declared]))
  return stages.map(stage => {
    const names = new Set<string>()
    collectCalls(stage.plan, names)
    const used = [...byName].flatMap(([name, declared]) => (names.has(name) ? [declared] : []))
    return used.length === 0 ? stage : { ...stage, plan: { ...stage.plan, functions: used } }
  })
}

/** Names of all calls anywhere in plain data. */
function collectCalls(value: unknown, names: Set<string>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
  const { kind, name } = value as { readonly kind?: unknown; readonly name?: unknown }
  if ((kind === 'call' || kind === 'aggregate') && typeof name === 'string') names.add(name)
  for (const part of Object.values(value)) collectCalls(part, names)
}

/** Only the thread that has their closures can run it. */
export const callsClosure = ({ plan }: StagePlan): boolean =>
  plan.functions?.some(({ code }) => code.kind === 'closure') === true
