/** Where COPY and INSERT write: from a target to an open file. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Schema } from '../arrow/schema.js'
import type { WriteTarget } from '../catalog/table-provider.js'
import { fail } from '../common/errors.js'
import type { FileHost } from '../storage/store.js'
import { normalizeOptions } from './format-options.js'
import type { FileWriter } from './format.js'
import { formatNamed } from './index.js'

/**
 * Opens a writer for batches of `schema`. A file target is replaced when the writer closes; a directory target gets a new file
 * with a unique name. Throws FILE_NOT_WRITABLE, INVALID_OPTION, NOT_SUPPORTED (tables in memory are not files).
 */
export async function openWriter(target: WriteTarget, schema: Schema, host: FileHost): Promise<FileWriter> {
  if (target.kind === 'memory') throw fail('NOT_SUPPORTED', [`writing the table '${target.table}' from a plan`])
  const format = formatNamed(target.format)
  const path = target.kind === 'file' ? target.path : join(target.path, `part-${randomUUID()}.${format.extensions[0]}`)
  // A table's options also say how it is read; those have no meaning here.
  const known = [...format.writeOptions, ...format.readOptions]
  const options = normalizeOptions(target.options, target.kind === 'file' ? format.writeOptions : known, format.name)
  return format.openWriter({ path, schema, options, host })
}
