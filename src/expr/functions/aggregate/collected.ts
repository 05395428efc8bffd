/** Aggregates that need all rows of a group: the rows in the order they came, and lists of them by group. */
import type { Column } from '../../../arrow/batch.js'
import { batchBytes, bitmapBytes, buildColumn, releaseColumn } from '../../../arrow/column.js'
import { alloc, blockBytes, kernels, release, views, withScratch } from '../../../arrow/memory.js'
import { zeroFill, type Charge } from '../../../arrow/segments.js'
import { concatColumns, takeColumn } from '../../../arrow/take.js'
import type { DataType } from '../../../arrow/types.js'
import { listOf } from '../signature.js'
import { statesOf, type GroupRows } from './accumulator.js'

/** Rows that were added together: their columns, and a block with the group (u32) of each. */
interface Chunk {
  readonly columns: readonly Column[]
  readonly groups: number
  readonly count: number
}

/** The rows of some groups, one group after the other; belongs to the caller. */
export interface GroupedRows {
  readonly columns: readonly Column[]
  /** Row number at which group `from + i` begins, and the number of all rows at the end. */
  readonly starts: Uint32Array
}

/** Rows by group, as copies. Their bytes are charged. */
export class Collected {
  readonly #types: readonly DataType[]
  readonly #charge: Charge
  #chunks: Chunk[] = []
  #charged = 0
  #groupCount = 0
  #order: Order | undefined

  constructor(types: readonly DataType[], charge: Charge) {
    this.#types = types
    this.#charge = charge
  }

  /** Adds rows: one flat column a type. */
  add({ groups, count, groupCount }: GroupRows, columns: readonly Column[]): void {
    if (count === 0) return
    this.#groupCount = groupCount
    this.#append(count, columns, ids => {
      if (groups === 0) zeroFill(ids, count * 4)
      else views().u8.copyWithin(ids, groups, groups + count * 4)
    })
  }

  /** Adds rows in which the first column is not NULL. */
  addPresent(rows: GroupRows, columns: readonly Column[]): void {
    const [first] = columns
    if (first.nullCount === rows.count) return
    if (first.nullCount === 0) return this.add(rows, columns)
    const count = rows.count - first.nullCount
    withScratch(scratch => {
      const indices = scratch(count * 4 + 4)
      kernels().bitmapIndices(first.validity, rows.count, indices)
      const groups = rows.groups === 0 ? 0 : scratch(count * 4)
      if (groups !== 0) kernels().groupGather(rows.groups, indices, count, groups)
      const taken = statesOf(columns, column => takeColumn(column, indices, count))
      try {
        this.add({ ...rows, groups, count, isPartial: true }, taken)
      } finally {
        taken.forEach(releaseColumn)
      }
    })
  }

  /** Adds the elements of lists that `lists` gave; a NULL list has none. */
  addLists({ groups, count, groupCount }: GroupRows, lists: readonly Column[]): void {
    this.#groupCount = groupCount
    const { offsets } = lists[0]
    const { i32, u32 } = views()
    const [start, end] = [i32[offsets / 4], i32[offsets / 4 + count]]
    if (start === end) return
    const elements = lists.map(({ children }) => children[0])
    this.#append(end - start, elements, ids => {
      for (let row = 0; row < count; row++) {
        const [from, to] = [i32[offsets / 4 + row] - start, i32[offsets / 4 + row + 1] - start]
        if (from < to) u32.fill(groups === 0 ? 0 : u32[groups / 4 + row], ids / 4 + from, ids / 4 + to)
      }
    })
  }

  /** The rows of groups from..from+n. */
  grouped(from: number, n: number): GroupedRows {
    const { columns, positions, starts } = this.#ordered(from + n)
    const first = starts[from]
    const count = starts[from + n] - first
    return {
      columns: statesOf(columns, column => takeColumn(column, positions + first * 4, count)),
      starts: starts.subarray(from, from + n + 1).map(start => start - first),
    }
  }

  /** The rows of groups from..from+n as one list a group and column; NULL for a group without rows. */
  lists(from: number, n: number): Column[] {
    const { columns, starts } = this.grouped(from, n)
    const rest = [...columns]
    try {
      return statesOf(this.#types, type => {
        const [column] = rest.splice(0, 1)
        return listColumn(type, column, starts)
      })
    } finally {
      rest.forEach(releaseColumn)
    }
  }

  close(): void {
    this.#forgetOrder()
    this.#chunks.forEach(releaseChunk)
    this.#chunks = []
    this.#charge(-this.#charged)
    this.#charged = 0
  }

  #append(count: number, columns: readonly Column[], fill: (ids: number) => void): void {
    this.#forgetOrder()
    // Copies, because a column may be a few rows of a large block.
    const copies = statesOf(columns, column => concatColumns(column.type, [column]))
    let ids = 0
    try {
      ids = alloc(count * 4)
      fill(ids)
      this.#bill(bytesOf(copies, count) + blockBytes(ids))
    } catch (error) {
      copies.forEach(releaseColumn)
      if (ids !== 0) release(ids)
      throw error
    }
    this.#chunks.push({ columns: copies, groups: ids, count })
  }

  #bill(delta: number): void {
    this.#charge(delta)
    this.#charged += delta
  }

  /** All rows in one chunk, and their positions by group. */
  #ordered(wanted: number): Order & { readonly columns: readonly Column[] } {
    const groupCount = Math.max(wanted, this.#groupCount)
    const { columns, groups, count } = this.#joined()
    if (this.#order === undefined || this.#order.starts.length <= groupCount) {
      this.#forgetOrder()
      this.#bill(orderBytes(count, groupCount))
      this.#order = orderByGroup(groups, count, groupCount)
    }
    return { ...this.#order, columns }
  }

  #joined(): Chunk {
    const [first] = this.#chunks
    if (this.#chunks.length === 1) return first
    const chunks = this.#chunks
    const count = chunks.reduce((sum, chunk) => sum + chunk.count, 0)
    const columns: Column[] = []
    const groups = alloc(count * 4)
    try {
      this.#types.forEach((type, i) =>
        columns.push(
          concatColumns(
            type,
            chunks.map(chunk => chunk.columns[i]),
          ),
        ),
      )
      let at = groups
      for (const chunk of chunks) {
        views().u8.copyWithin(at, chunk.groups, chunk.groups + chunk.count * 4)
        at += chunk.count * 4
      }
      this.#bill(bytesOf(columns, count) + blockBytes(groups) - this.#charged)
    } catch (error) {
      columns.forEach(releaseColumn)
      release(groups)
      throw error
    }
    chunks.forEach(releaseChunk)
    this.#chunks = [{ columns, groups, count }]
    return this.#chunks[0]
  }

  #forgetOrder(): void {
    if (this.#order === undefined) return
    const { positions, starts, count } = this.#order
    this.#order = undefined
    release(positions)
    this.#bill(-orderBytes(count, starts.length - 1))
  }
}

const bytesOf = (columns: readonly Column[], rowCount: number): number =>
  batchBytes({ schema: { fields: [] }, rowCount, columns })

function releaseChunk({ columns, groups }: Chunk): void {
  columns.forEach(releaseColumn)
  release(groups)
}

/** Row numbers by group: a block with a u32 a row, and where each group begins. */
interface Order {
  readonly positions: number
  readonly starts: Uint32Array
  readonly count: number
}

const orderBytes = (count: number, groupCount: number): number => (count + groupCount) * 4

/** Stable counting sort. */
function orderByGroup(groups: number, count: number, groupCount: number): Order {
  const positions = alloc(count * 4 + 4)
  const { u32 } = views()
  const starts = new Uint32Array(groupCount + 1)
  const ids = groups / 4
  for (let row = 0; row < count; row++) starts[u32[ids + row] + 1]++
  for (let group = 0; group < groupCount; group++) starts[group + 1] += starts[group]
  const next = starts.slice()
  for (let row = 0; row < count; row++) u32[positions / 4 + next[u32[ids + row]]++] = row
  return { positions, starts, count }
}

/** Takes the elements over. */
function listColumn(type: DataType, elements: Column, starts: Uint32Array): Column {
  const n = starts.length - 1
  return buildColumn(({ own, keep }) => {
    const children = [keep(elements)]
    const offsets = own((n + 1) * 4)
    views().u32.set(starts, offsets / 4)
    const validity = own(bitmapBytes(n))
    zeroFill(validity, bitmapBytes(n))
    let nullCount = 0
    for (let group = 0; group < n; group++) {
      if (starts[group] === starts[group + 1]) nullCount++
      else views().u8[validity + (group >>> 3)] |= 1 << (group & 7)
    }
    return { type: listOf(type), length: n, nullCount, validity, offsets, children }
  })
}
