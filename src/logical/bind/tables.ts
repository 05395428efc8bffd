/** The asynchronous part of binding: every table, file and view that a query names is looked up before it is bound. */
import { fail, type Span } from '../../common/errors.js'
import { outcomes, type Outcome } from '../../common/in-order.js'
import { invariant } from '../../common/invariant.js'
import { DEFAULT_SCHEMA, isView, type CatalogEntry, type ViewDefinition } from '../../catalog/catalog.js'
import type { TableProvider } from '../../catalog/table-provider.js'
import type { ExprNode, ObjectName, QueryNode, TableNode, TableVersion } from '../../parser/ast.js'
import { parseQuery } from '../../parser/parse.js'
import type { LiteralExpr } from '../../expr/expr.js'
import { valueText } from '../../expr/value-text.js'
import { constantOf } from './constant.js'
import { at, errorInside, type BindContext } from './context.js'
import { exprName } from './name.js'

/** Which version of a table is meant: an option of its format. */
export type VersionOption = Readonly<Partial<Record<TableVersion['what'], string>>>

/** Who knows tables: the session's catalog, and its file formats. Every method throws TABLE_NOT_FOUND or a file error. */
export interface TableResolver {
  table(name: readonly string[], span: Span, version?: VersionOption): CatalogEntry | Promise<CatalogEntry>
  /** `FROM 'path'`. Absent: not supported. */
  file?(path: string, span: Span): TableProvider | Promise<TableProvider>
  /** `FROM read_csv('path', header = true)`. Absent: not supported. */
  tableFunction?(call: TableFunctionCall): TableProvider | Promise<TableProvider>
}

/** A constant, or a list of constants in brackets. */
export type TableArgument = LiteralExpr | readonly LiteralExpr[]

export interface TableFunctionCall {
  /** In lower case. */
  readonly name: string
  readonly args: readonly TableArgument[]
  /** By name in lower case. */
  readonly named: ReadonlyMap<string, TableArgument>
  /** Where the name stands. */
  readonly span: Span
}

/** What the arguments of table functions may refer to. */
export type ConstantContext = Omit<BindContext, 'tables'>

export type ResolvedTable =
  | { readonly kind: 'table'; readonly name: string; readonly provider: TableProvider }
  | { readonly kind: 'view'; readonly name: string; readonly query: QueryNode; readonly columns: readonly string[] }

/** By the text of the reference (referenceKey). */
export type ResolvedTables = ReadonlyMap<string, ResolvedTable>

export type TableReference = Extract<TableNode, { kind: 'table' | 'file' | 'function' }>

/** Two references with one key mean the same table. */
export function referenceKey(node: TableReference): string {
  switch (node.kind) {
    case 'table':
      return `table ${JSON.stringify([node.name.map(ident => ident.name), versionText(node)])}`
    case 'file':
      return `file ${node.path}`
    case 'function':
      return `function ${node.name.name} ${callText(node)}`
  }
}

/** Looks up everything that `query` and the views in it read. CTE names are not looked up. */
export async function resolveTables(
  query: QueryNode,
  resolver: TableResolver,
  context: ConstantContext,
): Promise<ResolvedTables> {
  const resolved = new Map<string, ResolvedTable>()
  await resolveInto(query, { resolver, resolved, context, insideViews: [] })
  return resolved
}

interface Resolving {
  readonly resolver: TableResolver
  readonly resolved: Map<string, ResolvedTable>
  readonly context: ConstantContext
  readonly insideViews: readonly string[]
}

async function resolveInto(query: QueryNode, resolving: Resolving): Promise<void> {
  const { resolved, insideViews } = resolving
  const references = tableReferences(query)
  const lookedUp = await lookUpAll(references, resolving)
  for (const reference of references) {
    const key = referenceKey(reference)
    if (insideViews.includes(key)) {
      throw fail('INVALID_ARGUMENT', [`view '${nameText(reference)}' reads itself`], { span: reference.span })
    }
    const table = resolved.get(key) ?? lookedUp.get(key)?.()
    invariant(table !== undefined, 'what is not known has been looked up')
    resolved.set(key, table)
    if (table.kind === 'view')
      await inView(table.name, () => resolveInto(table.query, { ...resolving, insideViews: [...insideViews, key] }))
  }
}

/** What is not known yet, by key: files of many tables answer in the time of one. */
async function lookUpAll(
  references: readonly TableReference[],
  resolving: Resolving,
): Promise<ReadonlyMap<string, Outcome<ResolvedTable>>> {
  const { insideViews, resolved } = resolving
  const unknown = new Map<string, TableReference>()
  for (const reference of references) {
    const key = referenceKey(reference)
    if (!resolved.has(key) && !insideViews.includes(key) && !unknown.has(key)) unknown.set(key, reference)
  }
  const found = await outcomes(Array.from(unknown.values(), reference => resolveOne(reference, resolving)))
  return new Map(Array.from(unknown.keys(), (key, i) => [key, found[i]]))
}

/** Runs `action`; its errors have spans in the view's text, not in the user's, so they get the view as context instead. */
export async function inView<T>(name: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw viewError(name, error)
  }
}

export const viewError = (name: string, error: unknown): unknown => errorInside(`view '${name}'`, error)

/** Errors without a place (of files) get that of the reference. */
async function resolveOne(reference: TableReference, resolving: Resolving): Promise<ResolvedTable> {
  try {
    return await lookUp(reference, resolving)
  } catch (error) {
    return at(reference.span, () => {
      throw error
    })
  }
}

async function lookUp(reference: TableReference, { resolver, context }: Resolving): Promise<ResolvedTable> {
  const { span } = reference
  switch (reference.kind) {
    case 'table': {
      const entry = await resolver.table(
        reference.name.map(ident => ident.name),
        span,
        versionOption(reference, context),
      )
      const name = nameText(reference)
      if (!isView(entry)) return { kind: 'table', name, provider: entry }
      return inView(name, () => ({ kind: 'view', name, query: viewQuery(entry), columns: entry.columns }))
    }
    case 'file':
      if (resolver.file === undefined) throw fail('NOT_SUPPORTED', ['a file as a table'], { span })
      return { kind: 'table', name: reference.path, provider: await resolver.file(reference.path, span) }
    case 'function': {
      if (resolver.tableFunction === undefined) throw fail('NOT_SUPPORTED', ['a table function'], { span })
      const provider = await resolver.tableFunction(tableFunctionCall(reference, context))
      return { kind: 'table', name: reference.name.name, provider }
    }
  }
}

/** The query of a view. Tables without a schema in one that is shared are those of the default schema. */
export function viewQuery({ sql, isShared }: Pick<ViewDefinition, 'sql' | 'isShared'>): QueryNode {
  const query = parseQuery(sql)
  return isShared === true ? withSchema(query, new Set(tableReferences(query))) : query
}

/** The tree with a schema in the names of these tables. */
function withSchema<T>(node: T, tables: ReadonlySet<object>): T {
  if (typeof node !== 'object' || node === null) return node
  if (Array.isArray(node)) return node.map(child => withSchema(child as unknown, tables)) as T
  const entries = Object.entries(node).map(([key, child]) => [key, withSchema(child as unknown, tables)] as const)
  const copy = Object.fromEntries(entries) as T & { name: ObjectName }
  if (!tables.has(node) || !('kind' in node) || node.kind !== 'table' || copy.name.length > 1) return copy
  const [{ span }] = copy.name
  return { ...copy, name: [{ name: DEFAULT_SCHEMA, quoted: true, span }, ...copy.name] }
}

const nameText = (reference: TableReference): string => {
  if (reference.kind === 'table') return reference.name[reference.name.length - 1].name
  return reference.kind === 'file' ? reference.path : reference.name.name
}

/** Every table, file and function reference in the query and its subqueries, in no particular order. */
export function tableReferences(query: QueryNode): readonly TableReference[] {
  const found: TableReference[] = []
  const stack: { value: unknown; ctes: CteNames }[] = [{ value: query, ctes: { names: new Map(), visible: 0 } }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { value, ctes } = top
    if (typeof value !== 'object' || value === null) continue
    if (isReference(value) && !(value.kind === 'table' && isCte(value.name, ctes))) found.push(value)
    if (isQuery(value)) stack.push(...queryParts(value, ctes))
    else
      for (const child of Object.values(value))
        if (typeof child === 'object' && child !== null) stack.push({ value: child, ctes })
  }
  return found
}

/** The CTE names of one WITH by position, of which the first `visible` are in scope, and those around it. */
interface CteNames {
  readonly names: ReadonlyMap<string, number>
  readonly visible: number
  readonly outer?: CteNames
}

/** The parts of a query, each with the CTE names it can see: a CTE sees those before it. */
function queryParts(query: QueryNode, outer: CteNames): { value: unknown; ctes: CteNames }[] {
  const { with: definitions, ...rest } = query
  const names = new Map(definitions.map(({ name }, i) => [name.name, i]))
  const seeing = (visible: number): CteNames => ({ names, visible, outer })
  return [
    ...definitions.map((definition, i) => ({
      value: definition.query,
      ctes: seeing(query.recursive ? i + 1 : i),
    })),
    ...Object.values(rest).map(value => ({ value, ctes: seeing(definitions.length) })),
  ]
}

function isCte(name: ObjectName, ctes: CteNames): boolean {
  for (let scope: CteNames | undefined = ctes; name.length === 1 && scope !== undefined; scope = scope.outer)
    if ((scope.names.get(name[0].name) ?? Infinity) < scope.visible) return true
  return false
}

const isQuery = (value: object): value is QueryNode => 'kind' in value && value.kind === 'query'

const isReference = (value: object): value is TableReference =>
  'kind' in value &&
  ((value.kind === 'table' && 'name' in value) ||
    value.kind === 'file' ||
    (value.kind === 'function' && 'named' in value))

type FunctionNode = Extract<TableNode, { kind: 'function' }>

/** Equal for calls with equal arguments. */
const textOf = (node: ExprNode): string => exprName(node, path => path.map(({ name }) => name).join('.'))

const versionText = ({ version }: Extract<TableReference, { kind: 'table' }>): string =>
  version === undefined ? '' : `${version.what} ${textOf(version.value)}`

function versionOption(
  { version }: Extract<TableReference, { kind: 'table' }>,
  context: ConstantContext,
): VersionOption | undefined {
  if (version === undefined) return undefined
  const { type, value } = constantOf(version.value, context, `${version.what.toUpperCase()} AS OF`)
  return { [version.what]: value === null ? '' : valueText(value, type) }
}

function callText({ args, named }: FunctionNode): string {
  return JSON.stringify([args.map(textOf), named.map(({ name, value }) => [name.name, textOf(value)])])
}

/** The call with its arguments as constants; throws coded errors with the span of an argument that is none. */
export function tableFunctionCall({ name, args, named }: FunctionNode, context: ConstantContext): TableFunctionCall {
  const clause = `the arguments of ${name.name}()`
  const valueOf = (node: ExprNode): TableArgument =>
    node.kind === 'list' ? node.items.map(item => constantOf(item, context, clause)) : constantOf(node, context, clause)
  return {
    name: name.name.toLowerCase(),
    args: args.map(valueOf),
    named: new Map(named.map(argument => [argument.name.name.toLowerCase(), valueOf(argument.value)])),
    span: name.span,
  }
}
