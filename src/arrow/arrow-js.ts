/** The door to apache-arrow: what other folders may use of it. Call `loadArrow` before the synchronous conversions. */
export { fromArrowBatch } from './arrow-in.js'
export { ipcFileWriter, ipcStreamWriter, readIpcFile, readIpcStream } from './arrow-ipc.js'
export type { IpcFile, IpcStream, IpcWriter } from './arrow-ipc.js'
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
