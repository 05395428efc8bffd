/** Scans files whose columns are not those of the table: some are constants of the file, others have another name or type there. */
import type { Batch, Column } from '../arrow/batch.js'
import { constantColumn, releaseBatch, releaseColumn, retainColumn } from '../arrow/column.js'
import { views, withScratch } from '../arrow/memory.js'
import { takeBatch } from '../arrow/take.js'
import { sameType, type Value } from '../arrow/types.js'
import { rowSetRuns } from '../catalog/row-set.js'
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

/** Leaves rows of one file out by their numbers; for the batches of the file, one after the other. */
class RowCounter {
  readonly #runs: readonly (readonly [start: number, end: number])[]
  /** Runs before this one lie before the next batch. */
  #run = 0
  #row = 0

  constructor(runs: readonly (readonly [start: number, end: number])[]) {
    this.#runs = runs
  }

  /** The other rows, undefined if there are none; takes the batch over. */
  without(batch: Batch): Batch | undefined {
    const first = this.#row
    const end = first + batch.rowCount
    this.#row = end
    while (this.#run < this.#runs.length && this.#runs[this.#run][1] <= first) this.#run++
    if (this.#run === this.#runs.length || this.#runs[this.#run][0] >= end) return batch
    try {
      return withScratch(scratch => {
        const position = scratch(batch.rowCount * 4)
        const rows = views().i32
        let count = 0
        let run = this.#run
        for (let row = first; row < end; row++) {
          while (run < this.#runs.length && this.#runs[run][1] <= row) run++
          if (run === this.#runs.length || row < this.#runs[run][0]) rows[position / 4 + count++] = row - first
        }
        return count === 0 ? undefined : takeBatch(batch, position, count)
      })
    } finally {
      releaseBatch(batch)
    }
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
  /** Applied by the reader, and to what it gives; where rows are counted, only the latter. */
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
    const { predicate, pruning, sieve, fetch: _, ...rest } = this.#scan
    const deleted = first.deletedRows === undefined ? undefined : new RowCounter(rowSetRuns(first.deletedRows))
    const [inner, outer] = deleted === undefined ? (this.#sieves ?? []) : [undefined, sieve]
    const batches = this.#format.scan({
      ...rest,
      splits,
      fileSchema: this.#layout.fileSchema,
      projection: this.#read,
      schema: { fields: this.#read.map(column => ({ ...fields[column], nullable: true })) },
      pruning: deleted === undefined ? pruningInFile(pruning, this.#layout) : [],
      ...(predicate === undefined ? {} : { predicate: inFile(predicate, this.#layout) }),
      ...(inner === undefined ? {} : { sieve: inner }),
      ...(wanted === Infinity || deleted !== undefined ? {} : { fetch: wanted }),
    })
    for await (const batch of batches) {
      const left = deleted === undefined ? batch : deleted.without(batch)
      if (left === undefined) continue
      const whole = this.#whole(left, first)
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
