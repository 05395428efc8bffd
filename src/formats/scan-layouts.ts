/** Scans files whose columns are not those of the table: some are constants of the file, others have another name or type there. */
import type { Batch, Column } from '../arrow/batch.js'
import { constantColumn, releaseBatch, releaseColumn, retainColumn } from '../arrow/column.js'
import { sameType, type Value } from '../arrow/types.js'
import type { FileLayout, FileSplit } from '../catalog/table-provider.js'
import { castExpr, inputExpr, splitConjunction } from '../expr/build.js'
import { compileExprs, type CompiledExprs } from '../expr/compile.js'
import { exprTree, type Expr } from '../expr/expr.js'
import type { FileFormat, FileScan } from './format.js'
import { RowSieve } from './sieve-rows.js'

/**
 * Whether the reader of a file with this layout can compute `expr`, over `input` columns of the table, by itself: no column of it is a
 * constant or cast.
 */
export const isInFile = (expr: Expr, layout: FileLayout): boolean =>
  !exprTree.some(expr, node => {
    if (node.kind !== 'input') return false
    const column = layout.columns[node.index]
    return column < 0 || !sameType(node.type, layout.fileSchema.fields[column].type)
  })

/** Those of the conjuncts that the reader of a file with this layout can use, over its columns. */
export const pruningInFile = (pruning: readonly Expr[], layout: FileLayout): readonly Expr[] =>
  pruning
    .flatMap(splitConjunction)
    .filter(each => isInFile(each, layout))
    .map(each => inFile(each, layout))

const inFile = (expr: Expr, { columns }: FileLayout): Expr =>
  exprTree.transformUp(expr, node => (node.kind === 'input' ? { ...node, index: columns[node.index] } : node))

/** Batches of the scan's schema, given away. The predicate must be one that every file's reader can apply (isInFile). */
export async function* scanLayouts(
  format: FileFormat,
  layouts: readonly FileLayout[],
  scan: FileScan,
): AsyncGenerator<Batch, void> {
  let wanted = scan.fetch ?? Infinity
  const scans = new Map<number, LayoutScan>()
  for (const { first, splits } of runs(scan.splits)) {
    const { layout = 0 } = first
    const reader = scans.get(layout) ?? new LayoutScan(format, scan, layouts[layout])
    scans.set(layout, reader)
    if (reader.excludes(first)) continue
    for await (const batch of reader.read(first, splits, wanted)) {
      yield batch
      wanted -= batch.rowCount
      if (wanted <= 0) return
    }
  }
}

interface Run {
  readonly first: FileSplit
  /** All of it, `first` too. What is not taken is skipped. */
  readonly splits: Iterable<FileSplit>
}

/** Consecutive splits of one file; each is asked for when the one before has been taken. */
function* runs(splits: Iterable<FileSplit>): Generator<Run, void> {
  const source = splits[Symbol.iterator]()
  let step = source.next()
  while (step.done !== true) {
    const first = step.value
    const own = function* (): Generator<FileSplit, void> {
      while (step.done !== true && step.value.path === first.path) {
        const { value } = step
        yield value
        step = source.next()
      }
    }
    const run = own()
    yield { first, splits: run }
    while (step.done !== true && step.value.path === first.path) step = source.next()
  }
}

/** Reads files of one layout. */
class LayoutScan {
  readonly #format: FileFormat
  readonly #scan: FileScan
  readonly #layout: FileLayout
  /** Numbers of the file's columns that are read. */
  readonly #read: readonly number[]
  readonly #casts: CompiledExprs
  /** By output column: the place of its cast column, else undefined. */
  readonly #castOf: ReadonlyMap<number, number>
  /** Applied by the reader, and to what it gives. */
  readonly #sieves: readonly [RowSieve, RowSieve] | undefined

  constructor(format: FileFormat, scan: FileScan, layout: FileLayout) {
    this.#format = format
    this.#scan = scan
    this.#layout = layout
    const { fields } = layout.fileSchema
    const inFile = scan.projection.map(column => layout.columns[column])
    this.#read = [...new Set(inFile.filter(column => column >= 0))]
    const cast = inFile.flatMap((column, i) =>
      column < 0 || sameType(fields[column].type, scan.schema.fields[i].type) ? [] : [i],
    )
    this.#castOf = new Map(cast.map((output, i) => [output, i]))
    this.#casts = compileExprs(
      cast.map(i => {
        const { name, type } = fields[inFile[i]]
        return castExpr(inputExpr(this.#read.indexOf(inFile[i]), name, type), scan.schema.fields[i].type)
      }),
      { fields: this.#read.map(column => fields[column]) },
    )
    this.#sieves = scan.sieve?.divided(output => {
      const isPlain = inFile[output] >= 0 && !this.#castOf.has(output)
      return isPlain && format.appliesFilters === true ? this.#read.indexOf(inFile[output]) : undefined
    })
  }

  /** Whether a dynamic filter excludes the whole file by a constant of it. */
  excludes(split: FileSplit): boolean {
    const { projection, sieve } = this.#scan
    return (sieve?.bounds() ?? []).some(({ column, min, max, keepsNulls }) => {
      if (this.#layout.columns[projection[column]] >= 0) return false
      const value = constantOf(split, projection[column])
      if (value === null) return !keepsNulls
      if (typeof value !== 'bigint' && !Number.isInteger(value)) return false
      const exact = BigInt(value as bigint | number)
      return exact < min || exact > max
    })
  }

  /** The batches of one file. */
  async *read(first: FileSplit, splits: Iterable<FileSplit>, wanted: number): AsyncGenerator<Batch, void> {
    const { fields } = this.#layout.fileSchema
    const { predicate, pruning, sieve: _, fetch: _fetch, ...rest } = this.#scan
    const [inner, outer] = this.#sieves ?? []
    const batches = this.#format.scan({
      ...rest,
      splits,
      fileSchema: this.#layout.fileSchema,
      projection: this.#read,
      schema: { fields: this.#read.map(column => ({ ...fields[column], nullable: true })) },
      pruning: pruningInFile(pruning, this.#layout),
      ...(predicate === undefined ? {} : { predicate: inFile(predicate, this.#layout) }),
      ...(inner === undefined ? {} : { sieve: inner }),
      ...(wanted === Infinity ? {} : { fetch: wanted }),
    })
    for await (const batch of batches) {
      const whole = this.#whole(batch, first)
      const kept = outer === undefined ? whole : outer.apply(whole)
      if (kept !== undefined) yield kept
    }
  }

  /** The columns of the table, each one of the file, perhaps cast, or a constant; takes the batch over. */
  #whole(batch: Batch, split: FileSplit): Batch {
    const { projection, schema } = this.#scan
    const owned: Column[] = []
    try {
      const casts = this.#casts.evaluate(batch)
      owned.push(...casts)
      const columns = projection.map((column, i) => {
        const cast = this.#castOf.get(i)
        const inFile = this.#layout.columns[column]
        if (cast === undefined && inFile < 0) {
          const made = constantColumn(schema.fields[i].type, constantOf(split, column), batch.rowCount)
          owned.push(made)
          return made
        }
        return cast === undefined ? batch.columns[this.#read.indexOf(inFile)] : casts[cast]
      })
      columns.forEach(retainColumn)
      return { schema, rowCount: batch.rowCount, columns }
    } finally {
      owned.forEach(releaseColumn)
      releaseBatch(batch)
    }
  }
}

const constantOf = ({ constants = [] }: FileSplit, column: number): Value =>
  constants.find(([number]) => number === column)?.[1] ?? null
