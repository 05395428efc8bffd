/** Rows that one part of a task's plan makes and several others read: a CTE, or a subplan that occurs more than once. */
import { invariant } from '../common/invariant.js'
import type { Source } from './operator.js'

/** The rows of one task by the number that the plan gave them. Who publishes them retracts them before their memory goes. */
export class SharedRows {
  readonly #rows = new Map<number, () => Source>()

  /** `read` gives all of the rows, each time from the start. */
  publish(id: number, read: () => Source): void {
    this.#rows.set(id, read)
  }

  retract(id: number): void {
    this.#rows.delete(id)
  }

  /** All rows, in order; they must have been published. */
  read(id: number): Source {
    const read = this.#rows.get(id)
    invariant(read !== undefined, `shared rows ${id} are read before they are there`)
    return read()
  }
}
