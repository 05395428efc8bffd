/**
 * The number of distinct hashes, roughly: exact while there are few, then HyperLogLog registers with the estimator of Ertl
 * (New cardinality estimation algorithms for HyperLogLog sketches, 2017), standard error 0.8 %.
 */

const INDEX_BITS = 14
const REGISTERS = 1 << INDEX_BITS
/** Bits of a hash that are left for the rank. */
const RANK_BITS = 32 - INDEX_BITS
/** Up to this many hashes are kept as they are: half the bytes of the registers. */
const MAX_HASHES = 2048
const FIRST_HASHES = 16

export class HyperLogLog {
  #hashes = new Uint32Array(FIRST_HASHES)
  #used = 0
  #registers: Uint8Array | undefined

  /** Bytes of memory held. */
  get byteLength(): number {
    return this.#registers?.byteLength ?? this.#hashes.byteLength
  }

  /** Adds a hash of 32 evenly spread bits. */
  add(hash: number): void {
    if (this.#registers !== undefined) return note(this.#registers, hash)
    if (this.#used === this.#hashes.length) this.#makeRoom()
    if (this.#registers === undefined) this.#hashes[this.#used++] = hash
    else note(this.#registers, hash)
  }

  /** Adds a state that `toBytes` gave. */
  merge(bytes: Uint8Array): void {
    if (bytes.length === REGISTERS) {
      const registers = this.#dense()
      bytes.forEach((rank, index) => (registers[index] = Math.max(registers[index], rank)))
      return
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at + 4 <= bytes.length; at += 4) this.add(view.getUint32(at, true))
  }

  /** The registers, or the hashes (4 bytes each, fewer bytes than the registers). */
  toBytes(): Uint8Array {
    if (this.#registers !== undefined) return this.#registers.slice()
    this.#sort()
    const bytes = new Uint8Array(this.#used * 4)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < this.#used; i++) view.setUint32(i * 4, this.#hashes[i], true)
    return bytes
  }

  estimate(): number {
    if (this.#registers !== undefined) return Math.round(estimate(this.#registers))
    this.#sort()
    return this.#used
  }

  /** Sorted and each once. */
  #sort(): void {
    const sorted = this.#hashes.subarray(0, this.#used).sort()
    let kept = 0
    for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) this.#hashes[kept++] = sorted[i]
    this.#used = kept
  }

  #makeRoom(): void {
    this.#sort()
    if (this.#used <= this.#hashes.length / 2) return
    if (this.#hashes.length >= MAX_HASHES) return void this.#dense()
    const larger = new Uint32Array(this.#hashes.length * 2)
    larger.set(this.#hashes)
    this.#hashes = larger
  }

  #dense(): Uint8Array {
    if (this.#registers !== undefined) return this.#registers
    const registers = new Uint8Array(REGISTERS)
    for (let i = 0; i < this.#used; i++) note(registers, this.#hashes[i])
    this.#registers = registers
    this.#hashes = new Uint32Array(0)
    this.#used = 0
    return registers
  }
}

/** A register holds the greatest rank of its hashes: the place of the first one among the bits after the index. */
function note(registers: Uint8Array, hash: number): void {
  const index = hash >>> RANK_BITS
  const rank = Math.clz32((hash << INDEX_BITS) | (1 << (INDEX_BITS - 1))) + 1
  if (rank > registers[index]) registers[index] = rank
}

function estimate(registers: Uint8Array): number {
  const counts = new Float64Array(RANK_BITS + 2)
  for (const rank of registers) counts[rank]++
  let z = REGISTERS * tau(1 - counts[RANK_BITS + 1] / REGISTERS)
  for (let rank = RANK_BITS; rank >= 1; rank--) z = (z + counts[rank]) / 2
  z += REGISTERS * sigma(counts[0] / REGISTERS)
  const hashes = REGISTERS ** 2 / (2 * Math.LN2 * z)
  // Different values may have one hash.
  return -(2 ** 32) * Math.log1p(-Math.min(hashes / 2 ** 32, 0.999))
}

function sigma(share: number): number {
  if (share === 1) return Infinity
  let [x, y, sum, before] = [share, 1, share, NaN]
  while (sum !== before) {
    x *= x
    before = sum
    sum += x * y
    y += y
  }
  return sum
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let [x, y, sum, before] = [share, 1, 1 - share, NaN]
  while (sum !== before) {
    x = Math.sqrt(x)
    before = sum
    y /= 2
    sum -= (1 - x) ** 2 * y
  }
  return sum / 3
}
