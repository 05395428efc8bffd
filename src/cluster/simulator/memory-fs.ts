/** Temporary files of a simulated machine: bytes in this process, read and written in virtual time. */
import type { SpillFs, SpillHandle } from '../../runtime/spill-fs.js'
import type { Machine } from './machine.js'

/** What an access takes at most. */
const ACCESS_MS = 3

export function memoryFs(machine: Machine): SpillFs {
  const access = (): Promise<void> => machine.pause(ACCESS_MS * machine.rng.next() * machine.slowness)
  return {
    async makeDirectory(prefix) {
      await access()
      return prefix
    },
    async open() {
      await access()
      return memoryFile(access)
    },
    // Asked once in a process, whatever number of simulations it runs: takes no time.
    list: () => Promise.resolve([]),
    removeDirectory() {},
    isRunning: () => true,
  }
}

function memoryFile(access: () => Promise<void>): SpillHandle {
  let content = Buffer.alloc(0)
  return {
    async write(bytes, position) {
      const copy = Buffer.from(bytes)
      await access()
      const end = position + copy.length
      if (end > content.length) content = Buffer.concat([content, Buffer.alloc(end - content.length)])
      copy.copy(content, position)
      return copy.length
    },
    async read(bytes, position) {
      await access()
      return content.copy(bytes, 0, position)
    },
    close() {
      content = Buffer.alloc(0)
    },
  }
}
