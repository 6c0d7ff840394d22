# -*- coding: utf-8 -*-
# Problem Set 10
# Klara S.

import numpy as np
import keras
from keras.models import Sequential
from keras.layers import Dense, Flatten, Conv2D, MaxPooling2D
import matplotlib.pyplot as plt


# =============================================================================
# Problem 1
# =============================================================================

# a)
(train_x, train_y), (test_x, test_y) = keras.datasets.fashion_mnist.load_data()

fig = plt.figure()
for i in range(4):
    fig.add_subplot(2, 2, i + 1)
    plt.imshow(train_x[i])
plt.show()

train_x = train_x.reshape(60000, 784)
test_x = test_x.reshape(10000, 784)

# b)
train_x = train_x / 255
test_x = test_x / 255
# Why: the update of a weight is proportional to its input. With pixel values up to 255 the updates get too large and the training
# does not converge. With values between 0 and 1 the gradients stay in a reasonable range.

# c)
model = Sequential()
model.add(Dense(10, activation='relu', input_shape=(784,)))
model.add(Dense(10, activation='relu'))
model.add(Dense(10, activation='softmax'))
# There are 10 categories, so there must be 10 output units (one probability each).

# d)
# hidden 1: 784*10 + 10 = 7850
# hidden 2: 10*10 + 10  = 110
# output:   10*10 + 10  = 110
# total:                  8070

# e)
model.compile(optimizer='sgd', loss='sparse_categorical_crossentropy', metrics=['accuracy'])

# f)
model.fit(train_x, train_y, batch_size=64, epochs=3, validation_data=(test_x, test_y))
# accuracy training set: 0.77
# accuracy test set:     0.77

# g)
# Default learning rate of SGD: 0.01
model_g = Sequential()
model_g.add(Dense(10, activation='relu', input_shape=(784,)))
model_g.add(Dense(10, activation='relu'))
model_g.add(Dense(10, activation='softmax'))
model_g.compile(optimizer=keras.optimizers.SGD(learning_rate=0.005),
                loss='sparse_categorical_crossentropy', metrics=['accuracy'])
model_g.fit(train_x, train_y, batch_size=64, epochs=3, validation_data=(test_x, test_y))

# h)
model_h = Sequential()
model_h.add(Dense(64, activation='relu', input_shape=(784,)))
model_h.add(Dense(64, activation='relu'))
model_h.add(Dense(10, activation='softmax'))
model_h.compile(optimizer=keras.optimizers.SGD(learning_rate=0.01),
                loss='sparse_categorical_crossentropy', metrics=['accuracy'])
model_h.fit(train_x, train_y, batch_size=64, epochs=3, validation_data=(test_x, test_y))
# hidden 1: 784*64 + 64 = 50240
# hidden 2: 64*64 + 64  = 4160
# output:   64*10 + 10  = 650
# total:                  55050
# Compared with 8070 it is a lot more parameters, accuracy is about 5 percent better.

# i)
model_i = Sequential()
model_i.add(Dense(64, activation='relu', input_shape=(784,)))
model_i.add(Dense(64, activation='relu'))
model_i.add(Dense(10, activation='softmax'))
model_i.compile(optimizer=keras.optimizers.SGD(learning_rate=0.01),
                loss='sparse_categorical_crossentropy', metrics=['accuracy'])
model_i.fit(train_x[:20000], train_y[:20000], batch_size=64, epochs=3, validation_data=(test_x, test_y))
# Overfitting: the network adapts itself to the training data. It matters, because for us only new data is interesting.

# j)
prediction = model_h.predict(test_x)
correct = 0
for i in range(len(prediction)):
    if np.argmax(prediction[i]) == 9:
        if test_y[i] == 9:
            correct += 1
            if correct > 3:
                continue
        plt.imshow(test_x[i].reshape(28, 28))
        if test_y[i] == 9:
            plt.title("correct")
            plt.pause(0.01)
            plt.clf()
        else:
            plt.title("WRONG, should be %d" % test_y[i])
            plt.show()
            break
# The wrong item has the same outline as an ankle boot.


# =============================================================================
# Problem 2
# =============================================================================

# a)
# Kx * IA        Ky * IA        Kx * IB        Ky * IB
#
# 0 -4 0 4 0     0 0 0 0 0      0 0 0 0 0       0  0  0  0  0
# 0 -4 0 4 0     0 0 0 0 0      0 0 0 0 0      -4 -4 -4 -4 -4
# 0 -4 0 4 0     0 0 0 0 0      0 0 0 0 0       0  0  0  0  0
# 0 -4 0 4 0     0 0 0 0 0      0 0 0 0 0       4  4  4  4  4
# 0 -4 0 4 0     0 0 0 0 0      0 0 0 0 0       0  0  0  0  0

# b)
# Kx finds vertical edges, Ky finds horizontal edges.


# =============================================================================
# Problem 3
# =============================================================================

# a)
train_img = train_x.reshape(60000, 28, 28, 1)
test_img = test_x.reshape(10000, 28, 28, 1)

cnn = Sequential()
cnn.add(Conv2D(16, (3, 3), activation='relu', input_shape=(28, 28, 1)))
cnn.add(MaxPooling2D((2, 2)))
cnn.add(Conv2D(8, (3, 3), activation='relu'))
cnn.add(MaxPooling2D((2, 2)))
cnn.add(Flatten())
cnn.add(Dense(10, activation='softmax'))

# b)
cnn.compile(optimizer='sgd', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
cnn.fit(train_img, train_y, batch_size=64, epochs=3, validation_data=(test_img, test_y))
# No discrepancy any more. Reason: less parameters + weight sharing = less overfitting.

# c)
# conv 1: 3*3*16 + 16   = 160
# conv 2: 3*3*16*8 + 8  = 1160
# dense:  5*5*8*10 + 10 = 2010
# total:                  3330
# (dense network: 8070 / 55050)
