/* Strings without libc, in memory that the caller of these has. */
#ifndef TSRUN_TEXT_H
#define TSRUN_TEXT_H

#include <stdint.h>

/* The compiler may call these for what is set to zeros, and copied. */
__attribute__((visibility("hidden"))) void *memcpy(void *memory, const void *from, unsigned long length)
{
	for (char *byte = memory; length--; byte++, from = (const char *)from + 1)
		*(volatile char *)byte = *(const char *)from;
	return memory;
}

__attribute__((visibility("hidden"))) void *memset(void *memory, int value, unsigned long length)
{
	for (char *byte = memory; length--; byte++)
		*(volatile char *)byte = (char)value;
	return memory;
}

static int same(const char *text, const char *other)
{
	while (*text && *text == *other)
		text++, other++;
	return *text == *other;
}

/* The value of a variable whose name, with its "=", a string begins with; else 0. */
static const char *value_of(const char *entry, const char *name)
{
	while (*name && *entry == *name)
		entry++, name++;
	return *name ? 0 : entry;
}

/* Puts text at the end of a path of `length` bytes; returns the new length, or 0 when it doesn't fit. */
static uint64_t append(char *path, uint64_t length, uint64_t room, const char *text)
{
	for (; *text; text++) {
		if (length + 1 >= room)
			return 0;
		path[length++] = *text;
	}
	path[length] = 0;
	return length;
}

/* Puts a number at the end of a path, and text behind it. */
static void append_number(char *path, uint64_t length, uint64_t room, uint32_t number, const char *text)
{
	char digits[12];
	uint64_t at = sizeof digits;
	digits[--at] = 0;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	length = append(path, length, room, digits + at);
	append(path, length, room, text);
}

#endif
