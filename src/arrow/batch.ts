/**
 * Column and Batch: Arrow's columnar layout as positions in the arena. Both are small frozen plain objects that travel
 * between threads by structured clone; the bytes never move.
 */
import type { Schema } from './schema.js'
import type { DataType } from './types.js'

/**
 * `length` rows of one type. Positions are unsigned byte positions in the arena (numbers up to 2^32 - 1, never negative).
 *
 * | type                          | values                                    | offsets            |
 * |-------------------------------|-------------------------------------------|--------------------|
 * | boolean                       | bitmap, least significant bit first       | 0                  |
 * | int, float, date, timestamp   | `width` bytes a row                       | 0                  |
 * | decimal                       | `width` 8 (i64) or 16 (i128) bytes a row  | 0                  |
 * | interval                      | 16 bytes: i32 months, i32 days, i64 nanos | 0                  |
 * | utf8, binary                  | bytes; row r is values + offsets[r..r+1]  | i32, length + 1    |
 * | list, map                     | 0 (children[0] holds the elements)        | i32, length + 1    |
 * | struct, null                  | 0                                         | 0                  |
 * | any with `dictionary`         | i32 codes (width 4) into the dictionary   | 0                  |
 *
 * The width of a decimal column is an encoding chosen per batch, independent of the precision: a DECIMAL(38, 4) column
 * whose values fit 64 bits may have width 8. A slot whose validity bit is 0 holds any bytes, but a dictionary code and an
 * offset there are in range. The first offset need not be 0. There is no bit offset: row 0 is bit 0.
 */
export interface Column {
  readonly type: DataType
  readonly length: number
  /** Exact. */
  readonly nullCount: number
  /** Bitmap (1 = valid, least significant bit first), readable up to the next multiple of 8 bytes; 0 if nullCount is 0. */
  readonly validity: number
  readonly values: number
  readonly offsets: number
  /** Bytes a row in `values`: 1, 2, 4, 8, 16; 0 for boolean, utf8, binary and nested types. */
  readonly width: number
  readonly dictionary?: Column
  readonly children: readonly Column[]
  /** Arena blocks that hold this column's own buffers (not those of dictionary and children): one reference each. */
  readonly blocks: readonly number[]
  /** Bounds of the non-NULL values of an integer, decimal (unscaled), date or timestamp column; need not be tight. */
  readonly range?: Range
}

export interface Range {
  readonly min: bigint
  readonly max: bigint
}

/** `rowCount` rows; every column has that length. Zero columns are legal (`SELECT count(*)`). */
export interface Batch {
  readonly schema: Schema
  readonly rowCount: number
  readonly columns: readonly Column[]
}
