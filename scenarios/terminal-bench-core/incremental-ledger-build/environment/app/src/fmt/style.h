#ifndef STYLE_H
#define STYLE_H
#define STYLE_BULLET "*"
#define STYLE_WIDTH 10
#endif
