/** `--format arrow`: an Arrow IPC stream. */
import { ipcStreamWriter, type IpcWriter } from '../../arrow/arrow-ipc.js'
import type { ResultWriter } from './result-writer.js'

/** A result without columns (of DDL) is nothing. */
export function arrowWriter(): ResultWriter {
  let writer: IpcWriter | undefined
  return {
    async start(schema) {
      if (schema.fields.length > 0) writer = await ipcStreamWriter(schema)
      return ''
    },
    batch: batch => Buffer.concat(writer?.write(batch) ?? []),
    end: () => Buffer.concat(writer?.finish() ?? []),
  }
}
