/** What the engine consists of, as one immutable value: the built-in lists, and what extensions add to them. */
import type { RegisteredTableFormat } from '../catalog/table-format.js'
import { fail } from '../common/errors.js'
import type { UserFunction } from '../expr/functions/user-function.js'
import type { FileFormat } from '../formats/format.js'
import type { RowTable } from '../formats/row-table.js'
import type { LogicalRule } from '../optimizer/rule.js'
import { OPERATORS } from '../physical/operators/index.js'
import type { OperatorDefinition } from '../physical/plan.js'
import type { PhysicalRule } from '../physical/rules/rule.js'
import type { UrlStore } from '../storage/extension-store.js'
import type { PlacementPolicy } from './placement.js'

/** Functions, tables, formats and rules are those of extensions: the engine's own have lists that are loaded where they are needed. */
export interface Registry {
  readonly functions: readonly UserFunction[]
  /** Table functions. */
  readonly tables: readonly RegisteredTable[]
  /** Their names are internal ones. */
  readonly formats: readonly FileFormat[]
  readonly stores: readonly UrlStore[]
  readonly tableFormats: readonly RegisteredTableFormat[]
  readonly operators: readonly OperatorDefinition[]
  /** Of extensions, as the physical ones: applied after the engine's own. */
  readonly logicalRules: readonly LogicalRule[]
  readonly physicalRules: readonly PhysicalRule[]
  readonly placement?: PlacementPolicy
  /** URLs of the modules, which threads load, too. */
  readonly extensions: readonly string[]
  /** Each lets this thread run something that plans call by an internal name, until the returned function is called. */
  readonly holds: readonly (() => () => void)[]
}

export interface RegisteredTable {
  readonly internalName: string
  readonly table: RowTable
}

/** The extension that comes with the engine; sessions and servers have it from the start. */
const DELTA: RegisteredTableFormat = {
  name: 'delta',
  marker: '_delta_log',
  load: async () => (await import('../delta/delta-format.js')).deltaFormat,
}

export const BUILT_IN: Registry = {
  functions: [],
  tables: [],
  formats: [],
  stores: [],
  tableFormats: [DELTA],
  operators: OPERATORS,
  logicalRules: [],
  physicalRules: [],
  extensions: [],
  holds: [],
}

/** The engine with what the modules add to it. DUPLICATE_NAME where two of them bring the same. */
export function registryOf(added: readonly Registry[]): Registry {
  return added.reduce((base, more) => {
    checkNew('function', names(base.functions), names(more.functions))
    checkNew('table function', tableNames(base.tables), tableNames(more.tables))
    checkNew('file format', endings(base.formats), endings(more.formats))
    checkNew('table format', formatNames(base.tableFormats), formatNames(more.tableFormats))
    checkNew('store', schemes(base.stores), schemes(more.stores))
    checkNew('operator', kinds(base.operators), kinds(more.operators))
    return {
      functions: [...base.functions, ...more.functions],
      tables: [...base.tables, ...more.tables],
      formats: [...base.formats, ...more.formats],
      stores: [...base.stores, ...more.stores],
      tableFormats: [...base.tableFormats, ...more.tableFormats],
      operators: [...base.operators, ...more.operators],
      logicalRules: [...base.logicalRules, ...more.logicalRules],
      physicalRules: [...base.physicalRules, ...more.physicalRules],
      ...((more.placement ?? base.placement) ? { placement: more.placement ?? base.placement } : {}),
      extensions: [...base.extensions, ...more.extensions],
      holds: [...base.holds, ...more.holds],
    }
  }, BUILT_IN)
}

const names = (list: readonly UserFunction[]): string[] => list.map(({ name }) => name)
const tableNames = (list: readonly RegisteredTable[]): string[] => list.map(({ table }) => table.name.toLowerCase())
const formatNames = (list: readonly RegisteredTableFormat[]): string[] => list.map(({ name }) => name)
const endings = (formats: readonly FileFormat[]): string[] => formats.flatMap(({ extensions }) => extensions)
const schemes = (list: readonly UrlStore[]): string[] => list.map(({ scheme }) => scheme)
const kinds = (list: readonly OperatorDefinition[]): string[] => list.map(({ kind }) => kind)

function checkNew(what: string, known: readonly string[], added: readonly string[]): void {
  const taken = added.find(name => known.includes(name))
  if (taken !== undefined) throw fail('DUPLICATE_NAME', [`${what} '${taken}'`])
}

/**
 * Lets this thread run what plans call by the names of the registry, until the returned function is called. Threads and executors do
 * it when they start.
 */
export function bringRegistry({ holds }: Registry): () => void {
  const held = holds.map(hold => hold())
  return () => held.forEach(letGo => letGo())
}
