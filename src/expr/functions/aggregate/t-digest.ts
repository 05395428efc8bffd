/**
 * Quantiles of numbers, roughly, in little memory: the merging t-digest of Dunning and Ertl (Computing extremely accurate
 * quantiles using t-digests, 2019). Up to about a hundred numbers are exact.
 */

/** Clusters are at most about this many. */
const COMPRESSION = 200
/** Numbers that wait before they are merged into the clusters. */
const BUFFER = 1024
/** Numbers in front of the clusters of a state: how many are -Infinity, Infinity and NaN, least and greatest other. */
const HEAD = 5

interface Cluster {
  readonly mean: number
  readonly weight: number
}

export class TDigest {
  #clusters: Cluster[] = []
  #waiting: Cluster[] = []
  /** Of -Infinity, Infinity and NaN, which have no mean. */
  #infinite: [number, number, number] = [0, 0, 0]
  #min = Infinity
  #max = -Infinity

  /** Bytes of memory held, roughly. */
  get byteLength(): number {
    return (this.#clusters.length + this.#waiting.length) * 32
  }

  add(value: number): void {
    if (!Number.isFinite(value)) return void this.#infinite[Number.isNaN(value) ? 2 : value > 0 ? 1 : 0]++
    this.#put({ mean: value, weight: 1 }, value, value)
  }

  /** Adds a state that `toBytes` gave. */
  merge(bytes: Uint8Array): void {
    const numbers = new Float64Array(bytes.slice().buffer)
    const [below, above, nan, min, max] = numbers
    const [a, b, c] = this.#infinite
    this.#infinite = [a + below, b + above, c + nan]
    for (let at = HEAD; at < numbers.length; at += 2)
      this.#put({ mean: numbers[at], weight: numbers[at + 1] }, min, max)
  }

  toBytes(): Uint8Array {
    this.#compress()
    const clusters = this.#clusters.flatMap(({ mean, weight }) => [mean, weight])
    return new Uint8Array(Float64Array.of(...this.#infinite, this.#min, this.#max, ...clusters).buffer)
  }

  /** The value a fraction of the way from the least to the greatest; undefined for no values. NaN is the greatest. */
  quantile(fraction: number): number | undefined {
    this.#compress()
    const [below, above, nan] = this.#infinite
    const finite = this.#clusters.reduce((sum, { weight }) => sum + weight, 0)
    const total = below + finite + above + nan
    if (total === 0) return undefined
    const place = fraction * (total - 1)
    if (place >= below + finite + above) return NaN
    if (place > below + finite - 1 && above > 0) return Infinity
    return place < below ? -Infinity : this.#at(place - below)
  }

  #put(cluster: Cluster, min: number, max: number): void {
    this.#min = Math.min(this.#min, min)
    this.#max = Math.max(this.#max, max)
    this.#waiting.push(cluster)
    if (this.#waiting.length >= BUFFER) this.#compress()
  }

  /** Between the centres of the clusters around it; the clusters at both ends reach to the least and greatest value. */
  #at(place: number): number {
    const clusters = this.#clusters
    let before = 0
    let left = { centre: 0, value: this.#min }
    for (const { mean, weight } of clusters) {
      const right = { centre: before + (weight - 1) / 2, value: mean }
      if (place <= right.centre) return between(left, right, place)
      left = right
      before += weight
    }
    return between(left, { centre: before - 1, value: this.#max }, place)
  }

  /** Neighbours become one cluster while it stays small on the scale that keeps the ends fine. */
  #compress(): void {
    if (this.#waiting.length === 0) return
    const all = [...this.#clusters, ...this.#waiting].sort((left, right) => left.mean - right.mean)
    const total = all.reduce((sum, { weight }) => sum + weight, 0)
    const merged: Cluster[] = []
    let [open, done] = [all[0], 0]
    for (const next of all.slice(1)) {
      const weight = open.weight + next.weight
      if (scale((done + weight) / total) - scale(done / total) <= 1) {
        open = { mean: open.mean + ((next.mean - open.mean) * next.weight) / weight, weight }
        continue
      }
      merged.push(open)
      done += open.weight
      open = next
    }
    merged.push(open)
    this.#clusters = merged
    this.#waiting = []
  }
}

const scale = (fraction: number): number => (COMPRESSION / (2 * Math.PI)) * Math.asin(2 * Math.min(fraction, 1) - 1)

interface Point {
  readonly centre: number
  readonly value: number
}

function between(left: Point, right: Point, place: number): number {
  const width = right.centre - left.centre
  return width <= 0 ? right.value : left.value + ((right.value - left.value) * (place - left.centre)) / width
}
