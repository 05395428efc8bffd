/** A growing byte buffer for writers. */

const FIRST_BYTES = 64 * 1024

export class TextBuffer {
  bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  length = 0

  /** Makes room for `byteLength` more bytes. */
  reserve(byteLength: number): void {
    if (this.length + byteLength <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + byteLength))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  /** One ASCII character. */
  byte(code: number): void {
    this.reserve(1)
    this.bytes[this.length++] = code
  }

  text(text: string): void {
    this.reserve(3 * text.length)
    this.length += this.bytes.write(text, this.length, 'utf8')
  }

  copy(bytes: Uint8Array): void {
    this.room(bytes.length).set(bytes)
  }

  /** The next `byteLength` bytes, which whoever calls fills. */
  room(byteLength: number): Buffer {
    this.reserve(byteLength)
    this.length += byteLength
    return this.bytes.subarray(this.length - byteLength, this.length)
  }

  /** A safe integer in decimal digits, with at least `minDigits` of them. */
  integer(value: number, minDigits = 1): void {
    this.reserve(24 + minDigits)
    let rest = Math.abs(value)
    if (value < 0) this.bytes[this.length++] = 45
    let digits = minDigits
    for (let bound = 10 ** minDigits; rest >= bound; bound *= 10) digits++
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const next = Math.floor(rest / 10)
      this.bytes[at] = 48 + rest - 10 * next
      rest = next
    }
    this.length += digits
  }

  /** `unscaled` / 10^scale with exactly `scale` digits after the point. */
  decimal(unscaled: number, scale: number): void {
    if (unscaled < 0) this.byte(45)
    this.integer(Math.abs(unscaled), scale + 1)
    if (scale === 0) return
    this.reserve(1)
    this.bytes.copyWithin(this.length - scale + 1, this.length - scale, this.length)
    this.bytes[this.length - scale] = 46
    this.length++
  }

  /** What was written; valid until the next write. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length)
    this.length = 0
    return taken
  }
}
