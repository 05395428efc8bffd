/** Things of a process that are there as long as somebody uses them. */

/** Values by key, counted by use: a key always means the same value. */
export class UseTable<T> {
  readonly #entries = new Map<string, { readonly value: T; uses: number }>()

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value
  }

  /** Keeps the value of the key, made if there is none, until the returned function is called. */
  hold(key: string, make: () => T): () => void {
    const entry = this.#entries.get(key) ?? { value: make(), uses: 0 }
    this.#entries.set(key, entry)
    entry.uses++
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      if (--entry.uses === 0) this.#entries.delete(key)
    }
  }
}
