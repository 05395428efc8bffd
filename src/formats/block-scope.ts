/** Arena blocks of columns under construction: all are given back when the construction fails. */
import { alloc, release } from '../arrow/memory.js'

export class BlockScope {
  private blocks: number[] = []

  /** A new block, owned by the scope until `take`. */
  alloc(byteLength: number): number {
    const block = alloc(byteLength)
    this.blocks.push(block)
    return block
  }

  /** Counts a reference that someone else made as the scope's. */
  adopt(block: number): void {
    this.blocks.push(block)
  }

  /** Gives up one reference before the end. */
  drop(block: number): void {
    this.blocks.splice(this.blocks.indexOf(block), 1)
    release(block)
  }

  /** Hands all references over; the blocks, one for each reference. */
  take(): readonly number[] {
    const taken = this.blocks
    this.blocks = []
    return taken
  }

  /** Gives up what was not taken. */
  close(): void {
    for (const block of this.blocks) release(block)
    this.blocks = []
  }
}
