/** The asynchronous part of binding: every table, file and view that a query names is looked up before it is bound. */
import { fail, type Span } from '../../common/errors.js'
import { isView, type CatalogEntry } from '../../catalog/catalog.js'
import type { TableProvider } from '../../catalog/table-provider.js'
import type { ExprNode, ObjectName, QueryNode, TableNode } from '../../parser/ast.js'
import { parseQuery } from '../../parser/parse.js'
import { errorInside } from './context.js'

/** Who knows tables: the session's catalog, and its file formats. Every method throws TABLE_NOT_FOUND or a file error. */
export interface TableResolver {
  table(name: readonly string[], span: Span): CatalogEntry | Promise<CatalogEntry>
  /** `FROM 'path'`. Absent: not supported. */
  file?(path: string, span: Span): TableProvider | Promise<TableProvider>
  /** `FROM read_csv('path', header = true)`: constant arguments as text. Absent: not supported. */
  tableFunction?(
    name: string,
    args: readonly string[],
    named: Readonly<Record<string, string>>,
    span: Span,
  ): TableProvider | Promise<TableProvider>
}

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
      return `table ${JSON.stringify(node.name.map(ident => ident.name))}`
    case 'file':
      return `file ${node.path}`
    case 'function':
      return `function ${node.name.name} ${JSON.stringify(constantArguments(node))}`
  }
}

/** Looks up everything that `query` and the views in it read. CTE names are not looked up. */
export async function resolveTables(query: QueryNode, resolver: TableResolver): Promise<ResolvedTables> {
  const resolved = new Map<string, ResolvedTable>()
  await resolveInto(query, resolver, resolved, [])
  return resolved
}

async function resolveInto(
  query: QueryNode,
  resolver: TableResolver,
  resolved: Map<string, ResolvedTable>,
  insideViews: readonly string[],
): Promise<void> {
  for (const reference of tableReferences(query)) {
    const key = referenceKey(reference)
    if (insideViews.includes(key)) {
      throw fail('INVALID_ARGUMENT', [`view '${nameText(reference)}' reads itself`], { span: reference.span })
    }
    const table = resolved.get(key) ?? (await resolveOne(reference, resolver))
    resolved.set(key, table)
    if (table.kind === 'view')
      await inView(table.name, () => resolveInto(table.query, resolver, resolved, [...insideViews, key]))
  }
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

async function resolveOne(reference: TableReference, resolver: TableResolver): Promise<ResolvedTable> {
  const { span } = reference
  switch (reference.kind) {
    case 'table': {
      const entry = await resolver.table(
        reference.name.map(ident => ident.name),
        span,
      )
      const name = nameText(reference)
      if (!isView(entry)) return { kind: 'table', name, provider: entry }
      return inView(name, () => ({ kind: 'view', name, query: parseQuery(entry.sql), columns: entry.columns }))
    }
    case 'file':
      if (resolver.file === undefined) throw fail('NOT_SUPPORTED', ['a file as a table'], { span })
      return { kind: 'table', name: reference.path, provider: await resolver.file(reference.path, span) }
    case 'function': {
      if (resolver.tableFunction === undefined) throw fail('NOT_SUPPORTED', ['a table function'], { span })
      const { args, named } = constantArguments(reference)
      const provider = await resolver.tableFunction(reference.name.name, args, named, span)
      return { kind: 'table', name: reference.name.name, provider }
    }
  }
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
    else for (const child of Object.values(value)) stack.push({ value: child, ctes })
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

/** The arguments of a table function as text; they must be constants. */
function constantArguments(node: Extract<TableNode, { kind: 'function' }>): {
  args: readonly string[]
  named: Readonly<Record<string, string>>
} {
  return {
    args: node.args.map(constantText),
    named: Object.fromEntries(node.named.map(({ name, value }) => [name.name, constantText(value)])),
  }
}

function constantText(node: ExprNode): string {
  switch (node.kind) {
    case 'string':
      return node.value
    case 'number':
      return node.text
    case 'boolean':
      return String(node.value)
    case 'unary':
      if (node.op === '-' && node.input.kind === 'number') return `-${node.input.text}`
  }
  throw fail('INVALID_ARGUMENT', ['arguments of a table function must be constants'], { span: node.span })
}
