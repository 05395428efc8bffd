/** The door to apache-arrow: what other folders may use of it. Call `loadArrow` before the synchronous conversions. */
export { fromArrowBatch } from './arrow-in.js'
export { ipcFileWriter, ipcStreamWriter, openIpcFile, readIpcStream, readRecordBatches } from './arrow-ipc.js'
export type { IpcFile, IpcStream, IpcWriter } from './arrow-ipc.js'
export { FILE_MAGIC } from './ipc-messages.js'
export type { RandomAccess } from './ipc-messages.js'
export { loadArrow } from './arrow-module.js'
export type { ArrowModule } from './arrow-module.js'
export { toArrowBatch } from './arrow-out.js'
export {
  fromArrowField,
  fromArrowSchema,
  fromArrowType,
  toArrowField,
  toArrowSchema,
  toArrowType,
} from './arrow-types.js'
