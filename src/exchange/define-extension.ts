/** What a module that extends the engine may hold. */
import type { TableFormat } from '../catalog/table-format.js'
import type { AggregateCode, ScalarCode } from '../expr/functions/user-function.js'
import type { RowFormat } from '../formats/row-format.js'
import type { RowTable } from '../formats/row-table.js'
import type { LogicalRule } from '../optimizer/rule.js'
import type { OperatorDefinition } from '../physical/plan.js'
import type { PhysicalRule } from '../physical/rules/rule.js'
import type { UrlStore } from '../storage/extension-store.js'
import type { PlacementPolicy } from './placement.js'

export interface ExtensionFunction {
  readonly name: string
  /** Types as SQL writes them. */
  readonly args: readonly string[]
  readonly returns: string
  readonly nulls?: 'propagate' | 'own'
  readonly volatile?: boolean
  readonly code: ScalarCode
}

export interface ExtensionAggregate {
  readonly name: string
  readonly args: readonly string[]
  readonly returns: string
  /** Types of what a state keeps, by name. */
  readonly state: Readonly<Record<string, string>>
  readonly nulls?: 'skip' | 'own'
  readonly code: AggregateCode
}

/** The default export of an extension module. */
export interface Extension {
  readonly name: string
  readonly functions?: readonly ExtensionFunction[]
  readonly aggregates?: readonly ExtensionAggregate[]
  /** Table functions. */
  readonly tables?: readonly RowTable[]
  readonly formats?: readonly RowFormat[]
  /** Where files of URL schemes of its own lie. */
  readonly stores?: readonly UrlStore[]
  /** Tables that have a log of their own. */
  readonly tableFormats?: readonly TableFormat[]
  readonly operators?: readonly OperatorDefinition[]
  /** After the engine's own, in each pass. */
  readonly logicalRules?: readonly LogicalRule[]
  /** After the engine's own, on every node of the placed plan, children first. */
  readonly physicalRules?: readonly PhysicalRule[]
  /** Where tasks run, in place of --task-distribution; of several extensions the last one counts. */
  readonly placement?: PlacementPolicy
}

/** Type help for authors. */
export const defineExtension = (extension: Extension): Extension => extension
