/** The file formats of extensions that this thread has loaded. */
import { UseTable } from '../common/use-table.js'
import type { FileFormat } from './format.js'

/** By internal name, which scans carry. */
export const loadedFormats = new UseTable<FileFormat>()
