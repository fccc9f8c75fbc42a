/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The codearena authors */
#ifndef CODEARENA_PRELOAD_OLDER_H
#define CODEARENA_PRELOAD_OLDER_H
#include <linux/codearena.h>
#ifndef CODEARENA_FEATURE_REPLACE
#define CODEARENA_FEATURE_REPLACE 0x10ULL
#define CODEARENA_OBJECT_F_REPLACE 0x4U
#endif
#ifndef CODEARENA_FEATURE_CLONE
#define CODEARENA_FEATURE_CLONE 0x20ULL
struct codearena_clone { __u32 size; __u32 flags; __s32 out_fd; __u32 __reserved; };
#define CODEARENA_CLONE _IO(CODEARENA_IOC_TYPE, 0x8e)
#endif
#ifndef CODEARENA_FEATURE_OPEN
#define CODEARENA_FEATURE_OPEN 0x40ULL
struct codearena_open { __u32 size; __u32 flags; __s32 out_fd; __u32 __reserved; };
#define CODEARENA_OPEN _IO(CODEARENA_IOC_TYPE, 0x8f)
#endif
#endif
