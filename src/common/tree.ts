/** Trees of readonly plain objects on `kind`: one child table per tree, and every traversal written once. */

/** The keys of node `N` whose values are trees of type `T`, or lists of them. */
export type ChildKey<N, T> = {
  [K in keyof N]-?: NonNullable<N[K]> extends T | readonly T[] ? K : never
}[keyof N]

/** For every kind of `T`, exactly its child keys: a forgotten child does not compile. */
export type ChildTable<T extends { readonly kind: string }> = {
  readonly [Kind in T['kind']]: { readonly [K in ChildKey<Extract<T, { kind: Kind }>, T> & string]: true }
}

/** Traversals of one tree. Children are visited in the key order of the table. */
export interface Tree<T> {
  children(node: T): readonly T[]
  /** The same object when `change` returned every child unchanged. */
  mapChildren(node: T, change: (child: T) => T): T
  /** Pre-order; `visit` returns false to skip a subtree. */
  walk(node: T, visit: (node: T) => boolean | void): void
  transformUp(node: T, change: (node: T) => T): T
  transformDown(node: T, change: (node: T) => T): T
  some(node: T, test: (node: T) => boolean): boolean
}

export function tree<T extends { readonly kind: string }>(table: ChildTable<T>): Tree<T> {
  const keysOf = new Map<string, readonly string[]>(
    Object.entries(table).map(([kind, keys]) => [kind, Object.keys(keys as object)]),
  )
  const fieldsOf = (node: T): Record<string, T | readonly T[] | undefined> => node as never
  const keys = (node: T): readonly string[] => keysOf.get(node.kind) ?? []

  function children(node: T): readonly T[] {
    const fields = fieldsOf(node)
    const list: T[] = []
    for (const key of keys(node)) {
      const value = fields[key]
      if (value === undefined) continue
      // One by one: a spread of a long IN list overflows the stack.
      if (isList(value)) for (const child of value) list.push(child)
      else list.push(value)
    }
    return list
  }

  function mapChildren(node: T, change: (child: T) => T): T {
    const fields = fieldsOf(node)
    let copy: Record<string, unknown> | undefined
    for (const key of keys(node)) {
      const value = fields[key]
      if (value === undefined) continue
      const next = isList(value) ? mapList(value, change) : change(value)
      if (next !== value) (copy ??= { ...fields })[key] = next
    }
    return copy === undefined ? node : (copy as never)
  }

  function walk(node: T, visit: (node: T) => boolean | void): void {
    const stack: T[] = [node]
    for (let current = stack.pop(); current !== undefined; current = stack.pop()) {
      if (visit(current) === false) continue
      const below = children(current)
      for (let i = below.length - 1; i >= 0; i--) stack.push(below[i])
    }
  }

  const transformUp = (node: T, change: (node: T) => T): T =>
    change(mapChildren(node, child => transformUp(child, change)))

  const transformDown = (node: T, change: (node: T) => T): T =>
    mapChildren(change(node), child => transformDown(child, change))

  function some(node: T, test: (node: T) => boolean): boolean {
    let found = false
    walk(node, current => {
      found ||= test(current)
      return !found
    })
    return found
  }

  return { children, mapChildren, walk, transformUp, transformDown, some }
}

const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value)

/** Maps a list; the same list when nothing changed. */
export function mapList<T>(list: readonly T[], change: (item: T) => T): readonly T[] {
  let copy: T[] | undefined
  list.forEach((item, i) => {
    const next = change(item)
    if (next !== item) (copy ??= list.slice())[i] = next
  })
  return copy ?? list
}

/** Structural equality of plain data (objects, arrays, bigint, typed arrays); ignores keys whose value is undefined. */
export function equals(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const a = left as Record<string, unknown>
  const b = right as Record<string, unknown>
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  for (const key of keys) if (!equals(a[key], b[key])) return false
  return true
}
