/** Reads one flat column of one row group, any number of rows at a time, from the pages of its chunk. */
import type { Column } from '../../arrow/batch.js'
import { columnFromValues, makeColumn, releaseColumn } from '../../arrow/column.js'
import { alloc, kernels, release, views, withScratch } from '../../arrow/memory.js'
import { withOwnRange } from '../../arrow/range.js'
import type { DataType } from '../../arrow/types.js'
import { ColumnAssembly, newRun } from './column-assembly.js'
import { openDictionary, openPage, type ChunkSource, type PageMemory } from './page.js'
import { readPageHeader, type PageHeader } from './page-header.js'
import type { PageValues } from './page-values.js'
import { layoutOf, type Rows, type Run } from './run.js'

interface ReaderKernels {
  parquetHybridSkip(reader: number, count: number): number
  parquetLevels(reader: number, count: number, bitmap: number, index: number): number
  parquetLevelsAllSet(reader: number, count: number): number
  parquetTextSkip(source: number, end: number, count: number): number
  takeRebase(offsets: number, count: number, first: number, target: number): void
}

/** A data page of which rows are left. */
interface Page {
  readonly header: PageHeader
  /** Its first byte. */
  readonly position: number
  rowsLeft: number
  /** Rows to pass over before the next one that is read. */
  skipped: number
  /** Undefined until a row is read. */
  values: PageValues | undefined
  /** Memory of the page; the last block is the one that texts lie in. */
  readonly blocks: number[]
}

// The working memory of a reader: two hybrid readers, codes on their way, the two values of booleans.
const CODES_AT = 128
const SCRATCH_AT = 256
const BITS_AT = SCRATCH_AT + 4096
const MEMORY_BYTES = BITS_AT + 64

export class ColumnReader {
  /** Rows passed. */
  row = 0
  private readonly type: DataType
  private readonly chunk: ChunkSource
  private readonly block: number
  private readonly bits: Column
  private readonly noDictionary: Column
  private dictionary: Column | undefined
  /** Of the next page's header. */
  private position: number
  private page: Page | undefined

  /** The caller closes it before the chunk's bytes go. */
  constructor(type: DataType, chunk: ChunkSource) {
    this.type = type
    this.chunk = chunk
    this.position = chunk.start
    this.block = alloc(MEMORY_BYTES)
    const values = this.block + BITS_AT
    views().u8.set([0, 1], values)
    this.bits = makeColumn({ type, length: 2, width: 1, values })
    this.noDictionary = makeColumn({ type, length: 0, values })
  }

  /** The next `count` rows (at least one); owned by the caller. Throws FILE_INVALID, NOT_SUPPORTED, ARENA_EXHAUSTED. */
  read(count: number): Column {
    const assembly = new ColumnAssembly(this.type, this.chunk.invalid)
    try {
      for (let left = count; left > 0;) {
        const page = this.currentPage()
        const values = this.open(page)
        const rows = Math.min(left, page.rowsLeft)
        this.appendRows(assembly.runFor(layoutOf(values), left), page, values, rows)
        left -= rows
      }
      this.row += count
      return assembly.finish()
    } finally {
      assembly.close()
    }
  }

  /** Of the next `count` rows those that `chosen` (at least one, below `count`) names; goes past all of them. */
  readChosen(count: number, chosen: Rows): Column {
    const assembly = new ColumnAssembly(this.type, this.chunk.invalid)
    try {
      withScratch(scratch => {
        let first = 0
        for (let row = 0; row < count;) {
          const page = this.currentPage()
          const rows = Math.min(count - row, page.rowsLeft)
          const next = row + rows === count ? chosen.count : lowerBound(chosen, first, row + rows)
          if (next === first) this.skipInPage(page, rows)
          else {
            const left = chosen.count - first
            const piece = rebased(chosen, first, next, row, scratch)
            this.appendChosen(assembly, page, { rows, left, piece })
          }
          first = next
          row += rows
        }
      })
      this.row += count
      return assembly.finish()
    } finally {
      assembly.close()
    }
  }

  /** Goes past the next `count` rows. A page of which no row is read is not even decompressed. */
  skip(count: number): void {
    for (let left = count; left > 0;) {
      const page = this.currentPage()
      const rows = Math.min(left, page.rowsLeft)
      this.skipInPage(page, rows)
      left -= rows
    }
    this.row += count
  }

  private skipInPage(page: Page, rows: number): void {
    page.rowsLeft -= rows
    if (page.rowsLeft === 0) this.closePage()
    else if (page.values === undefined) page.skipped += rows
    else this.skipRows(page.values, rows)
  }

  close(): void {
    this.closePage()
    if (this.dictionary !== undefined) releaseColumn(this.dictionary)
    release(this.block)
  }

  private appendRows(run: Run, page: Page, values: PageValues, count: number): void {
    const { invalid, isOptional } = this.chunk
    let valid = count
    if (isOptional && kernels<ReaderKernels>().parquetLevelsAllSet(this.block, count) === 0) {
      valid = kernels<ReaderKernels>().parquetLevels(this.block, count, run.validity.open(run.length), run.length)
      if (valid < 0) throw invalid('definition levels that end early')
    }
    run.append({ values, count, valid, block: page.blocks.at(-1) ?? 0, scratch: this.block + SCRATCH_AT, invalid })
    page.rowsLeft -= count
    if (page.rowsLeft === 0) this.closePage()
  }

  /** Some of the next `rows` rows of the page; `left` are to come, these included. */
  private appendChosen(
    assembly: ColumnAssembly,
    page: Page,
    { rows, left, piece }: { readonly rows: number; readonly left: number; readonly piece: Rows },
  ): void {
    const { invalid, isOptional } = this.chunk
    const values = this.open(page)
    const layout = layoutOf(values)
    if (isOptional && kernels<ReaderKernels>().parquetLevelsAllSet(this.block, rows) === 0) {
      // With NULLs a row's value is found by those before it.
      const run = newRun(this.type, layout, rows)
      try {
        this.appendRows(run, page, values, rows)
        assembly.add(run.finish(invalid), piece)
      } finally {
        run.close()
      }
      return
    }
    const block = page.blocks.at(-1) ?? 0
    const scratch = this.block + SCRATCH_AT
    assembly.runFor(layout, left).append({ values, count: rows, valid: rows, chosen: piece, block, scratch, invalid })
    page.rowsLeft -= rows
    if (page.rowsLeft === 0) this.closePage()
  }

  private open(page: Page): PageValues {
    if (page.values !== undefined) return page.values
    page.values = openPage(this.chunk, page.header, page.position, this.memoryOf(page.blocks))
    if (page.skipped > 0) this.skipRows(page.values, page.skipped)
    return page.values
  }

  private memoryOf(blocks: number[]): PageMemory {
    return {
      levels: this.block,
      codes: this.block + CODES_AT,
      bits: this.bits,
      dictionary: this.dictionary ?? this.noDictionary,
      own(byteLength) {
        const block = alloc(byteLength)
        blocks.push(block)
        return block
      },
    }
  }

  private skipRows(values: PageValues, count: number): void {
    const { invalid, isOptional } = this.chunk
    const { parquetLevels, parquetHybridSkip, parquetTextSkip } = kernels<ReaderKernels>()
    const valid = isOptional ? parquetLevels(this.block, count, 0, 0) : count
    if (valid < 0) throw invalid('definition levels that end early')
    switch (values.kind) {
      case 'codes':
        if (parquetHybridSkip(values.reader, valid) === 0) throw invalid('dictionary codes that end early')
        return
      case 'texts': {
        const next = parquetTextSkip(values.at, values.end, valid) >>> 0
        if (next === 0) throw invalid('a page that ends before its values')
        values.at = next
        return
      }
      case 'fixed':
      case 'slots': {
        const byteLength = valid * (values.kind === 'fixed' ? values.width : values.size)
        if (byteLength > values.end - values.at) throw invalid('a page that ends before its values')
        values.at += byteLength
      }
    }
  }

  /** The page of the next row. */
  private currentPage(): Page {
    while (this.page === undefined) {
      const { end, invalid } = this.chunk
      if (this.position >= end) throw invalid('fewer rows than its row group')
      const header = readPageHeader(this.position, end, invalid)
      const position = this.position + header.headerBytes
      if (header.compressedBytes > end - position) throw invalid('a page that is larger than its chunk')
      this.position = position + header.compressedBytes
      if (header.kind === 'dictionary') this.loadDictionary(header, position)
      if (header.kind !== 'data' || header.valueCount === 0) continue
      this.page = { header, position, rowsLeft: header.valueCount, skipped: 0, values: undefined, blocks: [] }
    }
    return this.page
  }

  private closePage(): void {
    this.page?.blocks.forEach(release)
    this.page = undefined
  }

  private loadDictionary(header: PageHeader, position: number): void {
    const { invalid, form } = this.chunk
    if (this.dictionary !== undefined || form.kind === 'bits') throw invalid('a dictionary that it cannot have')
    const blocks: number[] = []
    try {
      const values = openDictionary(this.chunk, header, position, this.memoryOf(blocks))
      this.dictionary = withOwnRange(dictionaryColumn(this.type, values, header.valueCount, invalid))
    } finally {
      blocks.forEach(release)
    }
  }
}

/** All values of a dictionary page. */
function dictionaryColumn(
  type: DataType,
  values: PageValues,
  count: number,
  invalid: (reason: string) => Error,
): Column {
  if (count === 0 || values.kind === 'codes') return columnFromValues(type, [])
  const smallest = values.kind === 'fixed' ? values.width : values.kind === 'slots' ? values.size : 4
  // Before memory is taken for so many.
  if (count * smallest > values.end - values.at) throw invalid('a dictionary of fewer values than it claims')
  const run = newRun(type, layoutOf(values), count)
  try {
    run.append({ values, count, valid: count, block: 0, scratch: 0, invalid })
    return run.finish(invalid)
  } finally {
    run.close()
  }
}

/** The first place from `from` on whose row number is not below `row`. */
function lowerBound({ position, count }: Rows, from: number, row: number): number {
  const { u32 } = views()
  let low = from
  for (let high = count; low < high;) {
    const middle = (low + high) >>> 1
    if (u32[position / 4 + middle] < row) low = middle + 1
    else high = middle
  }
  return low
}

/** Row numbers `first` to `next` counted from `row`. */
function rebased(
  { position }: Rows,
  first: number,
  next: number,
  row: number,
  scratch: (byteLength: number) => number,
): Rows {
  const source = position + first * 4
  const count = next - first
  if (row === 0) return { position: source, count }
  const target = scratch(count * 4)
  kernels<ReaderKernels>().takeRebase(source, count, views().u32[source / 4] - row, target)
  return { position: target, count }
}
