/** Generated columns as typed arrays: one form for text files and for Parquet. */

export type GeneratedColumn =
  | { readonly kind: 'int'; readonly values: Int32Array }
  /** Hundredths. `whole`: text files print it without decimals. */
  | { readonly kind: 'decimal'; readonly values: Int32Array; readonly whole?: true }
  /** Days since 1992-01-01. */
  | { readonly kind: 'date'; readonly values: Int32Array }
  /** Row r is words[codes[r]]. */
  | { readonly kind: 'word'; readonly codes: Uint8Array; readonly words: readonly string[] }
  /** Row r is bytes[offsets[r] .. offsets[r + 1]], ASCII. */
  | { readonly kind: 'text'; readonly offsets: Int32Array; readonly bytes: Uint8Array }

/** Collects the bytes of a text column. */
export class TextBuilder {
  readonly #offsets: Int32Array
  #bytes: Uint8Array
  #row = 0
  #length = 0

  constructor(rowCount: number, expectedBytesPerRow: number) {
    this.#offsets = new Int32Array(rowCount + 1)
    this.#bytes = new Uint8Array(rowCount * expectedBytesPerRow + 64)
  }

  /** Room for `length` bytes of the next row: where to write them. */
  reserve(length: number): { readonly bytes: Uint8Array; readonly at: number } {
    const needed = this.#length + length
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    return { bytes: this.#bytes, at: this.#length }
  }

  /** Ends the row with `length` bytes that were written after `reserve`. */
  commit(length: number): void {
    this.#length += length
    this.#offsets[++this.#row] = this.#length
  }

  /** Appends a slice as one row. */
  slice(source: Uint8Array, start: number, length: number): void {
    const { bytes, at } = this.reserve(length)
    for (let i = 0; i < length; i++) bytes[at + i] = source[start + i]
    this.commit(length)
  }

  /** Appends a string as one row. */
  string(text: string): void {
    const { bytes, at } = this.reserve(text.length)
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
    this.commit(text.length)
  }

  finish(): GeneratedColumn {
    return { kind: 'text', offsets: this.#offsets, bytes: this.#bytes.subarray(0, this.#length) }
  }
}
