/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EP_SOURCE_OBJECTS_H
#define EP_SOURCE_OBJECTS_H

#define EP_OBJECT(name) extern const char ep_object_##name[], ep_object_##name##_end[]
EP_OBJECT(cpu);
EP_OBJECT(mem);
EP_OBJECT(io);
EP_OBJECT(lifecycle);
EP_OBJECT(check);
#undef EP_OBJECT

#endif
