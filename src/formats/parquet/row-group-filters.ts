/** Row groups that their Bloom filters exclude: those without a value that predicates ask for. */
import type { Expr, LiteralExpr } from '../../expr/expr.js'
import { readExactly } from '../../storage/read-file.js'
import type { OpenFile } from '../../storage/store.js'
import { mayMatch } from '../prune.js'
import { bloomBits, lacks } from './bloom-filter.js'
import type { PageIndexRequest } from './page-index.js'

/** A larger one costs more to read than it is likely to save. */
const MAX_FILTER_BYTES = 8 * 1024 * 1024

/** False if it is certain that no row of the row group satisfies all of `pruning`. Throws FILE_NOT_READABLE, FILE_INVALID. */
export async function filtersMayMatch(file: OpenFile, request: PageIndexRequest): Promise<boolean> {
  const { footer, rowGroup, pruning, inFile } = request
  const filters = new Map<number, Uint8Array>()
  for (const input of new Set(pruning.flatMap(comparedInputs))) {
    const bits = inFile[input] < 0 ? undefined : await readFilter(file, request, inFile[input])
    if (bits !== undefined) filters.set(input, bits)
  }
  if (filters.size === 0) return true
  const lacksValue = (input: number, value: LiteralExpr): boolean => {
    const bits = filters.get(input)
    return bits !== undefined && lacks(bits, footer.columns[inFile[input]], value)
  }
  const { rowCount } = footer.rowGroups[rowGroup]
  return pruning.every(predicate => mayMatch(predicate, { rowCount, column: () => ({}), lacks: lacksValue }))
}

/** The inputs that are compared with values for equality; those of disjunctions, too. */
function comparedInputs(predicate: Expr): number[] {
  if (predicate.kind === 'inList')
    return !predicate.negated && predicate.input.kind === 'input' ? [predicate.input.index] : []
  if (predicate.kind !== 'binary') return []
  const { left, op, right } = predicate
  if (op === 'and' || op === 'or') return [...comparedInputs(left), ...comparedInputs(right)]
  if (op !== '=') return []
  return [left, right].flatMap(side => (side.kind === 'input' ? [side.index] : []))
}

/** The bits of a column's filter; undefined without one that we know. */
async function readFilter(
  file: OpenFile,
  { footer, rowGroup, host }: PageIndexRequest,
  column: number,
): Promise<Uint8Array | undefined> {
  const { firstLeaf, physicalType } = footer.columns[column]
  const { bloomFilter: part } = footer.rowGroups[rowGroup].chunks[firstLeaf]
  if (physicalType === undefined || part === undefined || part.byteLength > MAX_FILTER_BYTES) return undefined
  const bytes = new Uint8Array(part.byteLength)
  await readExactly(file, { path: footer.path, host }, bytes, part.start)
  return bloomBits(bytes, footer.path)
}
