/** A file system for temporary files that fails at a chosen call, and knows what it has open. */
import { nodeSpillFs, type SpillFs } from '../../src/runtime/spill-fs.js'

/** The call number `failAt` (1: the first) fails with `code`; 0: none. Writes take at most `writeBytes` at once. */
export function faultyFs(options: { failAt?: number; code?: string; writeBytes?: number; onCall?: () => void }): {
  readonly fs: SpillFs
  readonly calls: () => number
  readonly openFiles: () => number
} {
  let calls = 0
  let openFiles = 0
  const count = (): void => {
    options.onCall?.()
    if (++calls !== options.failAt) return
    throw Object.assign(new Error(`${options.code ?? 'EIO'}: by the test`), { code: options.code ?? 'EIO' })
  }
  const fs: SpillFs = {
    ...nodeSpillFs,
    async open(path) {
      count()
      const handle = await nodeSpillFs.open(path)
      openFiles++
      return {
        async write(bytes, position) {
          count()
          return handle.write(bytes.subarray(0, options.writeBytes ?? bytes.length), position)
        },
        async read(bytes, position) {
          count()
          return handle.read(bytes, position)
        },
        close() {
          openFiles--
          handle.close()
        },
      }
    },
  }
  return { fs, calls: () => calls, openFiles: () => openFiles }
}
