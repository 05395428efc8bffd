/** One sketch a group: what approximate aggregates share. The partial state is the sketch as bytes. */
import type { Column } from '../../../arrow/batch.js'
import { columnFromValues, isValid, valueAt } from '../../../arrow/column.js'
import { views } from '../../../arrow/memory.js'
import type { Charge } from '../../../arrow/segments.js'
import { BINARY, type DataType, type Value } from '../../../arrow/types.js'
import type { Accumulator, GroupRows } from './accumulator.js'

export interface Sketch {
  /** Bytes of memory held. */
  readonly byteLength: number
  merge(bytes: Uint8Array): void
  toBytes(): Uint8Array
}

export interface SketchOptions<S extends Sketch> {
  readonly charge: Charge
  readonly type: DataType
  readonly create: () => S
  /** Adds the rows of a call; `sketchOf` gives the sketch of the group of a row. */
  readonly add: (column: Column, count: number, sketchOf: (row: number) => S) => void
  readonly result: (sketch: S) => Value
}

/** What an object takes besides its data. */
const OBJECT_BYTES = 128

export class Sketches<S extends Sketch> implements Accumulator {
  readonly #options: SketchOptions<S>
  readonly #sketches: (S | undefined)[] = []
  #charged = 0

  constructor(options: SketchOptions<S>) {
    this.#options = options
  }

  update(rows: GroupRows, [column]: readonly Column[]): void {
    this.#grow(rows, sketchOf => this.#options.add(column, rows.count, sketchOf))
  }

  merge(rows: GroupRows, [states]: readonly Column[]): void {
    this.#grow(rows, sketchOf => {
      for (let row = 0; row < rows.count; row++)
        if (isValid(states, row)) sketchOf(row).merge(valueAt(states, row) as Uint8Array)
    })
  }

  states(from: number, n: number): Column[] {
    return [
      columnFromValues(
        BINARY,
        this.#some(from, n).map(sketch => sketch?.toBytes() ?? null),
      ),
    ]
  }

  finish(from: number, n: number): Column {
    const { type, create, result } = this.#options
    return columnFromValues(
      type,
      this.#some(from, n).map(sketch => result(sketch ?? create())),
    )
  }

  close(): void {
    this.#sketches.length = 0
    this.#options.charge(-this.#charged)
    this.#charged = 0
  }

  #some(from: number, n: number): (S | undefined)[] {
    return Array.from({ length: n }, (_, i) => this.#sketches[from + i])
  }

  /** Runs `add` and charges what the sketches of its rows have grown by. */
  #grow({ groups }: GroupRows, add: (sketchOf: (row: number) => S) => void): void {
    const { u32 } = views()
    const before = new Map<S, number>()
    add(row => {
      const group = groups === 0 ? 0 : u32[groups / 4 + row]
      const known = this.#sketches[group]
      const sketch = known ?? (this.#sketches[group] = this.#options.create())
      if (!before.has(sketch)) before.set(sketch, known === undefined ? -OBJECT_BYTES : known.byteLength)
      return sketch
    })
    let grown = 0
    for (const [sketch, byteLength] of before) grown += sketch.byteLength - byteLength
    this.#charged += grown
    this.#options.charge(grown)
  }
}
