/** What one operator that can spill holds: it asks before it grows, and finishes the batch in hand when it is refused. */
import type { Reservation, TaskContext } from './task-context.js'

/**
 * Structures call `charge` before they allocate. What they take beyond the reservation is reserved on the spot; when that is
 * refused, the batch in hand is still finished. The operator asks `fits` before the next one and spills when that is refused.
 */
export class Budget {
  readonly #reservation: Reservation
  #held = 0
  #isOpen = true

  constructor(ctx: TaskContext, owner: string) {
    this.#reservation = ctx.memory.reserve(owner)
  }

  /** Bytes that the operator's structures hold. */
  get held(): number {
    return this.#held
  }

  /** For Segments and the like. Throws MEMORY_LIMIT only for a batch that no limit of this size can take. */
  readonly charge = (delta: number): void => {
    const held = this.#held + delta
    if (this.#isOpen && held > this.#reservation.byteLength) this.#grow(held)
    this.#held = held
  }

  /** Reserves so many bytes more than are held, or gives back what is reserved beyond that; false if it is refused. */
  fits(bytes: number): boolean {
    return this.#reservation.tryResize(this.#held + bytes)
  }

  /** After the operator has spilled: reserves what is still held. */
  settle(): void {
    this.#grow(this.#held)
  }

  /** Structures may still give back what they hold. */
  release(): void {
    this.#isOpen = false
    this.#reservation.release()
  }

  #grow(byteLength: number): void {
    if (!this.#reservation.tryResize(byteLength)) this.#reservation.force(byteLength)
  }
}
